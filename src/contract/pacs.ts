// Peers: the PACS and DICOMweb servers that this station talks to, and the receiver that other nodes send to.
// The contract's part for them; federation code may not import it.
import { z } from 'zod';

const uid = z.string().regex(/^[0-9][0-9.]{0,63}$/);

/** VR AE (PS3.5 6.2): 1 to 16 characters without backslash or control characters, not only spaces. */
export const aeTitleSchema = z
  .string()
  .trim()
  .min(1)
  .max(16)
  .regex(/^[\x20-\x5b\x5d-\x7e]+$/, 'An AE title has 1 to 16 ASCII characters and no backslash.');

export const peerNameSchema = z.string().trim().min(1).max(64);
const filePath = z.string().max(4_096);

/** PEM files of a certificate and of its key, which this station shows to a peer that asks for one (PS3.15 B.9, B.12). */
export const peerIdentitySchema = z.object({ certificateFile: filePath, keyFile: filePath });

/** A node of the DIMSE network (PS3.7): a PACS. */
export const dimsePeerSchema = z.object({
  kind: z.literal('dimse'),
  name: peerNameSchema,
  aeTitle: aeTitleSchema,
  host: z.string().trim().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  isTls: z.boolean().default(false),
  /** PEM file of the authority that signed the peer's certificate; the system's authorities where null. */
  authorityFile: filePath.nullable().default(null),
  identity: peerIdentitySchema.nullable().default(null),
});
export type DimsePeer = z.infer<typeof dimsePeerSchema>;

/** A DICOMweb server (PS3.18). */
export const dicomwebPeerSchema = z.object({
  kind: z.literal('dicomweb'),
  name: peerNameSchema,
  /** The root below which `/studies` lies. */
  url: z.url({ protocol: /^https?$/ }).max(2_000),
  user: z.string().max(256).nullable().default(null),
  /** Written, never read back: what the station tells of a peer has null here. */
  password: z.string().max(1_024).nullable().default(null),
  authorityFile: filePath.nullable().default(null),
  identity: peerIdentitySchema.nullable().default(null),
});
export type DicomwebPeer = z.infer<typeof dicomwebPeerSchema>;

export const peerSchema = z.discriminatedUnion('kind', [dimsePeerSchema, dicomwebPeerSchema]);
export type Peer = z.infer<typeof peerSchema>;

/** What a study is looked for by; empty text asks for all. `*` and `?` are wildcards (PS3.4 C.2.2.2.4). */
export const remoteQuerySchema = z.object({
  patientName: z.string().max(200).default(''),
  patientID: z.string().max(64).default(''),
  accessionNumber: z.string().max(64).default(''),
  /** A date or a range, as DICOM writes them: 20260101, 20260101-20260131, 20260101-. */
  studyDate: z
    .string()
    .regex(/^(\d{8})?(-(\d{8})?)?$/)
    .default(''),
  modality: z.string().max(16).default(''),
  /** An optional key: a peer may answer as if it had not been asked for. */
  description: z.string().max(64).default(''),
  studyInstanceUID: z.string().max(64).default(''),
  limit: z.number().int().min(1).max(10_000).default(500),
});
export type RemoteQuery = z.infer<typeof remoteQuerySchema>;

export const remoteStudySchema = z.object({
  studyInstanceUID: z.string(),
  patientID: z.string(),
  patientName: z.string(),
  patientBirthDate: z.string(),
  studyDate: z.string(),
  description: z.string(),
  accessionNumber: z.string(),
  modalities: z.array(z.string()),
  /** Null where the peer does not tell. */
  series: z.number().int().nullable(),
  instances: z.number().int().nullable(),
  /** How many of its instances this library already holds. */
  instancesHere: z.number().int(),
});
export type RemoteStudy = z.infer<typeof remoteStudySchema>;

export const remoteSeriesSchema = z.object({
  seriesInstanceUID: z.string(),
  modality: z.string(),
  seriesNumber: z.number().nullable(),
  description: z.string(),
  /** Null where the peer does not tell. */
  instances: z.number().int().nullable(),
  /** How many of its instances this library already holds. */
  instancesHere: z.number().int(),
});
export type RemoteSeries = z.infer<typeof remoteSeriesSchema>;

export const retrieveMethods = ['get', 'move'] as const;
export type RetrieveMethod = (typeof retrieveMethods)[number];

/** What became of a retrieval or of a sending. */
export const transferReportSchema = z.object({
  /** Asked for whole, or sent. */
  studies: z.number().int(),
  /** Asked for one by one. */
  series: z.number().int(),
  /** Instances that arrived (and are indexed) or were sent (and acknowledged). */
  completed: z.number().int(),
  /** Instances that the library held already, whether they came again or were not asked for. */
  duplicates: z.number().int(),
  /** Of `completed`, those whose file here was damaged and was replaced. */
  replaced: z.number().int(),
  failed: z.number().int(),
  seconds: z.number(),
  cancelled: z.boolean(),
  /** Why instances failed, at most 1,000 sentences. */
  failures: z.array(z.string()),
});
export type TransferReport = z.infer<typeof transferReportSchema>;

export const transferProgressSchema = z.object({
  direction: z.enum(['retrieve', 'send']),
  peer: z.string(),
  completed: z.number().int(),
  failed: z.number().int(),
  /** Null while the peer has not told. */
  total: z.number().int().nullable(),
});
export type TransferProgress = z.infer<typeof transferProgressSchema>;

/** The C-STORE receiver of this station (PS3.4 B). */
export const receiverSettingsSchema = z.object({
  isEnabled: z.boolean().default(false),
  aeTitle: aeTitleSchema.default('IMAGIQ'),
  port: z.number().int().min(1).max(65_535).default(11_112),
  /** Calling AE titles that may send; nobody else may. */
  allowedAETitles: z.array(aeTitleSchema).max(1_000).default([]),
  /** PEM files; all null: no TLS. With `authorityFile`, a sender must show a certificate that it signed. */
  certificateFile: filePath.nullable().default(null),
  keyFile: filePath.nullable().default(null),
  authorityFile: filePath.nullable().default(null),
});
export type ReceiverSettings = z.infer<typeof receiverSettingsSchema>;

export const receiverStateSchema = z.object({
  settings: receiverSettingsSchema,
  isListening: z.boolean(),
  /** Why it does not listen though it is enabled, for a person. */
  problem: z.string().nullable(),
  associations: z.number().int(),
  received: z.number().int(),
  duplicates: z.number().int(),
  refused: z.number().int(),
  /** Instances received of each study since the station was opened: the latest studies first, at most 200. */
  studies: z.array(z.object({ studyInstanceUID: z.string(), instances: z.number().int() })),
  /** ISO 8601; null before the first. */
  lastReceivedAt: z.string().nullable(),
  /** The latest refusals, newest first, at most 50: association or instance, and why. */
  refusals: z.array(z.object({ at: z.string(), aeTitle: z.string(), reason: z.string() })),
});
export type ReceiverState = z.infer<typeof receiverStateSchema>;

const nothing = z.object({});
const peerName = z.object({ peer: peerNameSchema });
/** Whole studies, and single series of others. */
const chosen = peerName.extend({
  studyInstanceUIDs: z.array(uid).max(10_000).default([]),
  series: z
    .array(z.object({ studyInstanceUID: uid, seriesInstanceUID: uid }))
    .max(10_000)
    .default([]),
});
const isSomething = ({ studyInstanceUIDs, series }: z.output<typeof chosen>): boolean =>
  studyInstanceUIDs.length + series.length > 0;

export const pacsCalls = {
  peers: { in: nothing, out: z.object({ peers: z.array(peerSchema) }) },
  /** Adds a peer or replaces the one of the same name. A DICOMweb peer saved with password null keeps the one it has. */
  'save-peer': { in: z.object({ peer: peerSchema }), out: nothing },
  'delete-peer': { in: peerName, out: nothing },
  /** C-ECHO, or a QIDO-RS question for one study. */
  'echo-peer': { in: peerName, out: z.object({ milliseconds: z.number() }) },
  'find-studies': {
    in: peerName.extend({ query: remoteQuerySchema.prefault({}) }),
    /** The newest first. `isCut`: there are more than `limit`; which of them are told is the peer's choice. */
    out: z.object({ studies: z.array(remoteStudySchema), isCut: z.boolean() }),
  },
  /** The series of one study, by their numbers. */
  'find-series': {
    in: peerName.extend({ studyInstanceUID: uid }),
    out: z.object({ series: z.array(remoteSeriesSchema) }),
  },
  /** Whole studies, and single series of others. Resolves when all is here and indexed; progress arrives as `transfer-progress`. One transfer at a time. */
  'retrieve-studies': {
    in: chosen
      .extend({
        /** For DIMSE peers only; C-MOVE needs the receiver to be on and known to the peer. */
        method: z.enum(retrieveMethods).default('get'),
      })
      .refine(isSomething, 'nothing to retrieve'),
    out: transferReportSchema,
  },
  /** As `retrieve-studies`; resolves when the peer has answered for each instance. */
  'send-studies': {
    in: chosen.refine(isSomething, 'nothing to send'),
    out: transferReportSchema,
  },
  'cancel-transfer': { in: nothing, out: nothing },
  receiver: { in: nothing, out: receiverStateSchema },
  /** Takes effect at once: the receiver is stopped and started anew. Running associations end first. */
  'configure-receiver': { in: z.object({ settings: receiverSettingsSchema }), out: receiverStateSchema },
} as const;

export const pacsEvents = {
  'transfer-progress': transferProgressSchema,
  'receiver-changed': receiverStateSchema,
} as const;
