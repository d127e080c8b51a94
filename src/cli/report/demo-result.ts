// All that a practice federation measured: what the report shows and what `imagiq demo --json` prints.
import { z } from 'zod';
import { metricsSchema } from '../../contract/metrics.ts';

const share = z.number().min(0).max(1);
const count = z.number().int().min(0);

export const comparedModels = ['local-only', 'trunk', 'ensemble', 'central'] as const;
export type ComparedModel = (typeof comparedModels)[number];

export const demoResultSchema = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  seconds: z.number().min(0),
  machine: z.object({ cores: z.number().int().min(1), node: z.string(), platform: z.string() }),
  project: z.object({
    title: z.string(),
    classes: z.array(z.string()).min(2),
    network: z.string(),
    parameters: count,
    /** Trunk commits that finish the project. */
    commits: count,
    /** Updates per commit. */
    bufferSize: z.number().int().min(1),
    stalenessExponent: z.number().min(0),
  }),
  sites: z.array(
    z.object({
      name: z.string(),
      scanner: z.string(),
      studies: count,
      examples: z.object({ train: count, validation: count, test: count }),
      /** Examples of each class, in the order of `project.classes`. */
      classCounts: z.array(count),
      /** 1 is full speed; 0.1 a machine ten times slower. */
      speed: z.number().positive().max(1),
      /** Updates that the hub accepted. */
      updates: count,
      /** Trunk commits between the version that an update started from and its arrival; null without an update. */
      meanStaleness: z.number().min(0).nullable(),
      bytesSent: count,
      bytesReceived: count,
      /** Hash of the last entry of the site's ledger. */
      ledgerHead: z.string(),
    }),
  ),
  /** Evaluations of the trunk over time: by one site on its validation split, or (`site` null) on the pooled split. */
  trunkHistory: z.array(
    z.object({
      version: count,
      /** Since the start of the federation. */
      atSeconds: z.number().min(0),
      site: z.string().nullable(),
      auc: share.nullable(),
      accuracy: share.nullable(),
      loss: z.number(),
    }),
  ),
  /** When the hub accepted which site's update; absent where it was not recorded. */
  arrivals: z.array(z.object({ atSeconds: z.number().min(0), site: z.string(), stalenessCommits: count })).optional(),
  /** All sites' test splits together. */
  pooled: z.object({
    patients: count,
    examples: count,
    rows: z.array(
      z.object({
        model: z.enum(comparedModels),
        /** The site whose local-only model or ensemble it is; null for models of the whole federation. */
        site: z.string().nullable(),
        metrics: metricsSchema,
      }),
    ),
  }),
  /** Mean over the sites' local-only models on the pooled test split. */
  localMean: z.object({ auc: share.nullable(), accuracy: share }),
  /** Whether the trunk beats `localMean`. */
  passed: z.boolean(),
});
export type DemoResult = z.infer<typeof demoResultSchema>;
