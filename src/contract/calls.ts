// The one table of calls between window and station: both sides of the bridge are derived from it.
// Calls give orders and ask questions; events bring news. Bulk bytes travel as Uint8Array, never as JSON.
import { z } from 'zod';
import { annotationCalls } from './annotation.ts';
import { browseCalls } from './browse.ts';
import { labelProgressSchema, labelSourceCalls } from './label-source.ts';
import { cohortNameSchema, cohortProgressSchema, cohortSchema, labelOrigins } from './cohort.ts';
import {
  importLabelsSchema,
  importModes,
  importProgressSchema,
  importReportSchema,
  instanceSchema,
  seriesSchema,
  studyPageSchema,
  studyQuerySchema,
  studySchema,
} from './dicom.ts';
import { faultSchema } from './fault-schema.ts';
import { frameCalls } from './frame-calls.ts';
import { membershipSchema, siteNameSchema } from './federation.ts';
import { connectionCalls } from './connection.ts';
import { ledgerCalls } from './ledger.ts';
import { importReportCalls } from './import-report.ts';
import { modelEvaluationCalls } from './model-evaluation.ts';
import { modelCalls, modelEvents, modelIdSchema } from './model.ts';
import { studyFiltersSchema } from './study-filter.ts';
import { neighbourCalls, neighbourEvents } from './neighbour.ts';
import { taskNames } from './network.ts';
import { pacsCalls, pacsEvents } from './pacs.ts';
import { peerCalls } from './peers.ts';
import { removalCalls, removalEvents } from './removal.ts';
import { privacyCalls } from './privacy.ts';
import {
  engineNames,
  epochSchema,
  hyperParametersSchema,
  providerNames,
  trainOutcomeSchema,
  trainProgressSchema,
} from './training.ts';

const nothing = z.object({});
const uid = z.string().regex(/^[0-9][0-9.]{0,63}$/);

export const runSchema = z.object({
  id: z.string(),
  cohort: z.string(),
  network: z.string(),
  startedAt: z.string(),
  state: z.enum(['running', 'paused', 'done', 'stopped', 'failed']),
  progress: trainProgressSchema.nullable(),
  /** [step, loss] pairs, thinned to at most 2,000. */
  losses: z.array(z.tuple([z.number(), z.number()])),
  epochs: z.array(epochSchema),
  outcome: trainOutcomeSchema.nullable(),
  /** Why it failed; with state `paused`, what has to be put right before it is resumed. */
  fault: faultSchema.nullable(),
  /** What its owner calls it. */
  note: z.string().max(200).default(''),
  /** Share of the cohort's images that are read into the data set, while that is being built; null at other times. */
  preparing: z.number().min(0).max(1).nullable().default(null),
  /** Why that waits, while the workstation's rules hold it. */
  waitsFor: z.string().nullable().default(null),
  /** What the run survived and its reader should know, oldest first. */
  notes: z.array(z.string()).max(100).default([]),
  hyperParameters: hyperParametersSchema.nullable().default(null),
  seed: z.number().int().nullable().default(null),
});
export type Run = z.infer<typeof runSchema>;

export const aboutSchema = z.object({
  version: z.string(),
  home: z.string(),
  node: z.string(),
  studies: z.number().int(),
  freeBytes: z.number(),
  /** Whether the device's keys are sealed by the system's key chain. */
  keysSealed: z.boolean(),
  networks: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      task: z.enum(taskNames),
      parameters: z.number().int(),
    }),
  ),
});
export type About = z.infer<typeof aboutSchema>;

/** name → what goes in, what comes out. */
export const calls = {
  about: { in: nothing, out: aboutSchema },
  /** Resolves when the import ends; progress arrives as `import-progress`. One import at a time. */
  'import-paths': {
    in: z.object({
      paths: z.array(z.string().max(4_096)).min(1).max(10_000),
      mode: z.enum(importModes).default('reference'),
      labels: importLabelsSchema.nullable().default(null),
    }),
    out: importReportSchema,
  },
  'cancel-import': { in: nothing, out: nothing },
  /** Writes generated practice studies (phantoms, no patient) into the home folder and imports them. */
  'import-practice-studies': {
    in: z.object({ site: z.number().int().min(0).max(3).default(0) }),
    /** `labelsFile` is the CSV to make a cohort with. */
    out: importReportSchema.extend({ labelsFile: z.string() }),
  },
  studies: { in: studyQuerySchema, out: studyPageSchema },
  study: { in: z.object({ studyInstanceUID: uid }), out: studySchema },
  instances: {
    in: z.object({ seriesInstanceUID: uid }),
    out: z.object({ series: seriesSchema, instances: z.array(instanceSchema) }),
  },
  /** Starts what decodes frames, so that the first one does not wait for it. */
  'prepare-frames': { in: nothing, out: nothing },
  /** The header as a flat list for the header viewer; values cut at 200 characters. */
  header: {
    in: z.object({ sopInstanceUID: uid }),
    out: z.object({
      elements: z.array(
        z.object({ depth: z.number().int(), tag: z.string(), vr: z.string(), keyword: z.string(), value: z.string() }),
      ),
    }),
  },
  /** Every image is gone through: progress comes as `cohort-progress`, and nothing is kept where it is abandoned. */
  'create-cohort': {
    in: z.object({
      name: cohortNameSchema,
      task: z.enum(taskNames).default('classification'),
      query: z.string().max(500).default(''),
      /** Of the studies found, only series that fulfil the filters of series take part. */
      filters: studyFiltersSchema.default([]),
      labelsFile: z.string().max(4_096).nullable().default(null),
      labelColumn: z.string().max(100).nullable().default(null),
      /** For several labels of one image: columns of 0 and 1, one for each. Null: all columns of that kind, where there is no label column. */
      labelColumns: z.array(z.string().max(100)).min(1).max(1_000).nullable().default(null),
      /** Labels stored with the studies; of a segmentation the objects to take, SEG or RTSTRUCT, both where null. Null: the labels file, or where none is given those of the import. */
      labelsFrom: z.enum(labelOrigins).nullable().default(null),
      studyInstanceUIDs: z.array(uid).max(100_000).nullable().default(null),
    }),
    out: cohortSchema,
  },
  /** How many labels are stored with the studies, by origin; only origins that have some. */
  'stored-labels': {
    in: nothing,
    out: z.object({ origins: z.array(z.object({ origin: z.enum(labelOrigins), labels: z.number().int() })) }),
  },
  cohorts: { in: nothing, out: z.object({ cohorts: z.array(cohortSchema) }) },
  /**
   * Takes a patient out of every version of every cohort, removes the patient's images from built data sets, and lets no later cohort
   * take the patient in. `patientID` as in the study list; a study's UID where its files have none. Answers with the cohorts.
   */
  'forget-patient': {
    in: z.object({ patientID: z.string().min(1).max(200) }),
    out: z.object({ cohorts: z.array(z.string()) }),
  },
  'delete-cohort': { in: z.object({ name: cohortNameSchema }), out: nothing },
  'start-run': {
    in: z.object({
      cohort: cohortNameSchema,
      /** The model's, where the run goes on from one. */
      network: z.string().max(64),
      /** A network of one's own in place of a bundled one: a JSON file (docs/networks.md), read once. */
      networkFile: z.string().min(1).max(4_096).nullable().default(null),
      /** The model whose weights it starts from: of the cohort's task, and with all of its classes. */
      from: modelIdSchema.nullable().default(null),
      hyperParameters: hyperParametersSchema.partial().default({}),
      note: z.string().trim().max(200).default(''),
      /** Takes fewer images per step than `batchSize` where the memory here is short; the number is kept with the run. */
      fitMemory: z.boolean().default(true),
      engine: z.enum(engineNames).default('compiled'),
      provider: z.enum(providerNames).default('auto'),
      /** The same seed on the same cohort gives the same weights on the CPU; chosen at random where absent. */
      seed: z
        .number()
        .int()
        .min(0)
        .max(2 ** 32 - 1)
        .optional(),
    }),
    out: runSchema,
  },
  'pause-run': { in: z.object({ id: z.string() }), out: nothing },
  'resume-run': { in: z.object({ id: z.string() }), out: nothing },
  'stop-run': { in: z.object({ id: z.string() }), out: nothing },
  /** Of a run that is not under way. Its model stays. */
  'delete-run': { in: z.object({ id: z.string() }), out: nothing },
  /** `damaged`: ids of runs whose record on the disk cannot be read. */
  runs: { in: nothing, out: z.object({ runs: z.array(runSchema), damaged: z.array(z.string()) }) },
  /** Checks an invite's form and tells what it would join, without contacting the hub. */
  'read-invite': {
    in: z.object({ invite: z.string().max(5_000) }),
    out: z.object({ federation: z.string(), hubUrl: z.string(), hubFingerprint: z.string(), expiresAt: z.string() }),
  },
  join: { in: z.object({ invite: z.string().max(5_000), site: siteNameSchema }), out: membershipSchema },
  /** The data manager's approval: this cohort takes part in the federation's project from now on. */
  'approve-project': {
    in: z.object({
      federation: z.string(),
      cohort: cohortNameSchema,
      /** Updates are sent whatever the leak probe finds: nobody is asked. */
      acceptsLeak: z.boolean().default(false),
      /** The project that was read; another one is refused. Null: whichever it is now. */
      projectHash: z.string().max(64).nullable().default(null),
    }),
    out: membershipSchema,
  },
  /** The data manager's no: nothing is trained for the project, and the coordinator reads the reason. */
  'decline-project': {
    in: z.object({
      federation: z.string(),
      because: z.string().trim().max(500).default(''),
      projectHash: z.string().max(64).nullable().default(null),
    }),
    out: membershipSchema,
  },
  /** `hasHubHeard`: false where it does not answer; it hears at the next connection. */
  leave: { in: z.object({ federation: z.string() }), out: z.object({ hasHubHeard: z.boolean() }) },
  memberships: { in: nothing, out: z.object({ memberships: z.array(membershipSchema) }) },
  ...frameCalls,
  ...connectionCalls,
  ...ledgerCalls,
  ...annotationCalls,
  ...browseCalls,
  ...labelSourceCalls,
  ...importReportCalls,
  ...modelCalls,
  ...modelEvaluationCalls,
  ...pacsCalls,
  ...peerCalls,
  ...neighbourCalls,
  ...privacyCalls,
  ...removalCalls,
} as const;
export type CallName = keyof typeof calls;
export type CallInput<N extends CallName> = z.input<(typeof calls)[N]['in']>;
/** A call's arguments after decoding, defaults filled in. */
export type CallArguments<N extends CallName> = z.output<(typeof calls)[N]['in']>;
export type CallOutput<N extends CallName> = z.output<(typeof calls)[N]['out']>;
/** How a station answers the calls of one part of the table. */
export type Answers<N extends CallName> = {
  /** `signal`: who asked does not wait any more. */
  [K in N]: (input: CallArguments<K>, signal?: AbortSignal) => CallOutput<K> | Promise<CallOutput<K>>;
};

/** News from the station. */
export const events = {
  'import-progress': importProgressSchema,
  'labels-progress': labelProgressSchema,
  'cohort-progress': cohortProgressSchema,
  /** Studies, cohorts or models changed: ask again. */
  'library-changed': nothing,
  'run-changed': runSchema,
  'membership-changed': membershipSchema,
  ...modelEvents,
  ...pacsEvents,
  ...neighbourEvents,
  ...removalEvents,
} as const;
export type EventName = keyof typeof events;
export type EventValue<N extends EventName> = z.output<(typeof events)[N]>;

/** Envelopes on the channel between window (or main) and station. */
export const toStationSchema = z.object({
  id: z.number().int(),
  call: z.enum(Object.keys(calls) as [CallName, ...CallName[]]),
  arguments: z.unknown(),
});
export type ToStation = z.infer<typeof toStationSchema>;

/** Nobody waits for the answer to this order any more; it is answered all the same, with a fault where it was not done. */
export const abandonSchema = z.object({ abandon: z.number().int() });
export type Abandon = z.infer<typeof abandonSchema>;

/** The station is bringing an older index to this version's form, before it answers: steps counted from 1. */
export const preparingSchema = z.object({ step: z.number().int(), steps: z.number().int() });
export type Preparing = z.infer<typeof preparingSchema>;

export const fromStationSchema = z.union([
  z.object({ preparing: preparingSchema }),
  z.object({ id: z.number().int(), value: z.unknown() }),
  z.object({ id: z.number().int(), fault: faultSchema }),
  z.object({ event: z.enum(Object.keys(events) as [EventName, ...EventName[]]), value: z.unknown() }),
]);
export type FromStation = z.infer<typeof fromStationSchema>;
