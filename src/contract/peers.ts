// The bench between peers, as window and command line see it: who shows which models, what they do for this site, and the
// acts of the data manager on them. Nothing here names a patient.
import { z } from 'zod';
import { estimateSchema } from './metrics.ts';

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

/** A movable name in an author's history: models of one branch replace one another. */
export const branchSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);

export const normalisationSchema = z.object({ mean: z.number(), standardDeviation: z.number().positive() });

/** How an ensemble is chosen: FedPAE's search over the front of strength × diversity, or one step at a time. */
export const selectionMethods = ['nsga-ii', 'hill-climbing'] as const;
export type SelectionMethod = (typeof selectionMethods)[number];

/** direct: a line of its own is open · relay: through the hub, sealed · away: neither is there now. */
export const routes = ['direct', 'relay', 'away'] as const;

/** Another site of the federation, as this one knows it. */
export const peerSchema = z.object({
  site: z.string(),
  fingerprint,
  route: z.enum(routes),
  /** Where it says that it can be reached directly. */
  address: z.string().nullable(),
  /** Why no line of its own is open, by the last try, for a person; null where one is or none was tried. */
  lineProblem: z.string().nullable().default(null),
  /** Its models are neither fetched nor chosen here. */
  isMuted: z.boolean(),
  /** Its models on the bench here. */
  models: z.number().int(),
  /** Announced and not fetched yet. */
  offered: z.number().int(),
  /** AUC (Dice, where masks are drawn) of its best model alone, on this site's validation images. */
  alone: z.number().nullable(),
  /** What its models add to this site's ensemble, in the same measure; null until one was chosen, and where it was not worth measuring. */
  help: z.number().nullable(),
});
export type Peer = z.infer<typeof peerSchema>;

/** What a peer adds, with its sign; without one where it rounds to nothing. */
export function helpText(help: number): string {
  const digits = help.toFixed(3);
  return Number(digits) === 0 ? '0.000' : help > 0 ? `+${digits}` : digits;
}

/** A model in the history of the bench. */
export const ancestorSchema = z.object({
  model: fingerprint,
  /** The author's fingerprint; null for the hub's trunk. */
  author: fingerprint.nullable(),
  site: z.string(),
  branch: branchSchema,
  /** Version of the trunk, or turn of a mode without one. */
  turn: z.number().int().nullable(),
  parents: z.array(fingerprint),
  at: z.string(),
});
export type Ancestor = z.infer<typeof ancestorSchema>;

const federation = z.string().max(100);
const site = z.string().max(60);

/** How the id of a model of the bench begins, or the ensemble that the site chose. */
export const benchModelSchema = z.string().regex(/^([0-9a-f]{4,64}|ensemble)$/);

/** What was chosen, and how it does against the site alone, on the site's validation images. */
const threeWays = z.object({ ensemble: estimateSchema, localOnly: estimateSchema, trunk: estimateSchema });
const selectionSchema = z.object({
  method: z.enum(selectionMethods),
  members: z.array(z.object({ model: z.string(), site: z.string(), network: z.string() })),
  auc: threeWays,
  accuracy: threeWays,
  /** Where masks are drawn. */
  dice: threeWays,
});

/** Whether and where this site listens for its peers. Off until somebody turns it on. */
export const listeningRulesSchema = z.object({
  isOn: z.boolean(),
  /** 0: a free one is chosen and kept. */
  port: z.number().int().min(0).max(65_535),
  /** Name or IP address under which the peers reach this machine. */
  address: z.string().trim().min(1).max(255).nullable(),
});
export type ListeningRules = z.infer<typeof listeningRulesSchema>;

export const listeningSchema = listeningRulesSchema.extend({
  /** The port that is open; null where none is. */
  listensOn: z.number().int().nullable(),
  /** Why it is not open although it should be. */
  problem: z.string().nullable(),
});
export type Listening = z.infer<typeof listeningSchema>;

export const peerCalls = {
  listening: { in: z.object({}), out: listeningSchema },
  'change-listening': { in: listeningRulesSchema, out: listeningSchema },
  /** Oldest first. */
  lineage: { in: z.object({ federation }), out: z.object({ models: z.array(ancestorSchema) }) },
  /**
   * Shows a model of the registry to the peers: its id, or null for the newest that was trained here. It has to be of the
   * project's task and classes; its network may be another than the project's.
   */
  'publish-model': {
    in: z.object({
      federation,
      id: z
        .string()
        .regex(/^[0-9a-f]{16}$/)
        .nullable()
        .default(null),
    }),
    out: z.object({ model: fingerprint, network: z.string(), recipients: z.array(z.string()) }),
  },
  /** Fetches what is announced, by one site or by all; `failed` tells what could not be had now. */
  'pull-models': {
    in: z.object({ federation, site: site.nullable().default(null) }),
    out: z.object({
      fetched: z.array(z.object({ model: fingerprint, site: z.string() })),
      refused: z.number().int(),
      waiting: z.number().int(),
    }),
  },
  /** Evaluates what has not been yet, on the site's own validation images; predictions are kept. */
  'evaluate-bench': { in: z.object({ federation }), out: z.object({ evaluated: z.number().int() }) },
  'select-ensemble': {
    in: z.object({ federation, method: z.enum(selectionMethods).nullable().default(null) }),
    out: selectionSchema,
  },
  /**
   * Takes a model of the bench among the models of this site, where it can be used as one that was trained here: the trunk, the one
   * whose hash begins so, or the ensemble that this site chose, with its members. An ensemble of one is that model.
   */
  'keep-model': {
    in: z.object({
      federation,
      model: benchModelSchema.nullable().default(null),
    }),
    /** `isKnown`: it was among them already. `members`: ids of the models of an ensemble of several. */
    out: z.object({
      id: z.string(),
      site: z.string(),
      version: z.number().int().nullable(),
      isKnown: z.boolean(),
      members: z.array(z.string()),
    }),
  },
  /** Opts out of a peer's models, or back in. */
  'mute-peer': { in: z.object({ federation, site, isMuted: z.boolean() }), out: z.object({}) },
} as const;
