// What a simulation is to play: sites, their speeds, the network, who goes and when, the hub's deaths, the project's rule
// (docs/simulation.md). Times are virtual seconds.
import { z } from 'zod';
import { trunkRuleSchema, updateFormSchema } from '../../contract/federation.ts';
import { unfillableBuffer, unusableTrunkRule } from '../aggregation/unusable-trunk-rule.ts';

const seconds = z.number().min(0).max(1e8);

const trainingSchema = z.discriminatedUnion('kind', [
  /** Logistic regression on generated data of unlike sites (logistic-sites.ts), trained for real; how long it takes is imagined. */
  z.strictObject({
    kind: z.literal('logistic'),
    /** Of one update of the fastest site. */
    secondsPerUpdate: z.number().positive().max(1e6).default(60),
    /** How many times slower the slowest site is; the others lie evenly between, in the logarithm. */
    speedSpread: z.number().min(1).max(1_000).default(1),
    /** Each update takes up to this share longer or shorter, at random. */
    jitter: z.number().min(0).max(0.9).default(0.1),
  }),
  /** The same task with times that were measured: site i takes the i-th list's, over and over. Fewer lists than sites repeat. */
  z.strictObject({
    kind: z.literal('replayed'),
    secondsOfUpdates: z
      .array(z.array(z.number().positive().max(1e6)).min(1).max(10_000))
      .min(1)
      .max(1_000),
  }),
]);

export const scenarioSchema = z
  .strictObject({
    name: z.string().max(200).default(''),
    sites: z.number().int().min(2).max(1_000),
    training: trainingSchema.prefault({ kind: 'logistic' }),
    network: z
      .strictObject({
        latencyMs: z.number().min(0).max(60_000).default(30),
        megabitsPerSecond: z.number().positive().max(100_000).default(50),
        /** Lines that break, per site and hour. */
        cutsPerHour: z.number().min(0).max(3_600).default(0),
      })
      .prefault({}),
    churn: z
      .strictObject({
        /** Sites join at random within so long. */
        joinWithinSeconds: seconds.default(5),
        /** This share of the sites, spread over fast and slow, goes for good. */
        vanishShare: z.number().min(0).max(0.9).default(0),
        vanishAtSeconds: seconds.default(0),
        /** Each site is away so often, on average, and for so long; it trains on meanwhile. */
        awayPerHour: z.number().min(0).max(60).default(0),
        awaySeconds: seconds.default(60),
      })
      .prefault({}),
    hub: z
      .strictObject({
        /** The hub dies in the midst of its next acceptance or commit from then on, and is back after `downSeconds`. */
        killAtSeconds: z.array(seconds).max(100).default([]),
        downSeconds: seconds.default(30),
      })
      .prefault({}),
    project: z
      .strictObject({
        trunkRule: trunkRuleSchema.prefault({ bufferSize: 2 }),
        ...updateFormSchema.shape,
        commits: z.number().int().min(1).max(100_000).default(50),
        peerModels: z.boolean().default(false),
      })
      .prefault({}),
    /** Ends once the trunk's loss was so much of the way from the first to what training to the end reaches; null: all commits. */
    targetShare: z.number().min(0.01).max(0.999).nullable().default(null),
    /** The simulation ends then at the latest. */
    untilSeconds: z.number().positive().max(1e8).default(1e6),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(1),
  })
  .superRefine(({ sites, project }, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: 'custom', path: ['project', ...field.split('.')], message });
    const unfillable = unfillableBuffer(project.trunkRule, sites);
    if (unfillable !== null) refuse('trunkRule.bufferSize', unfillable);
    // What the simulated hub would refuse.
    for (const { field, reason } of unusableTrunkRule(project.trunkRule, project.updateCodec)) refuse(field, reason);
  });
export type Scenario = z.infer<typeof scenarioSchema>;
