// What a simulation found, whichever clock it ran on.
import { z } from 'zod';
import { scoreboardSchema } from '../../contract/federation.ts';

/** The target counts as reached by the first of so many commits in a row at it: one lucky commit is no model. */
export const sustainedCommits = 3;

const count = z.number().int().min(0);

/** How far it has come, in the federation's own seconds. */
export const progressSchema = z.object({ seconds: z.number(), joined: count, updates: count, commits: count });
export type SimulationProgress = z.infer<typeof progressSchema>;

export const outcomeSchema = z.object({
  hasReachedTarget: z.boolean(),
  /** All commits of the project were made. */
  isFinished: z.boolean(),
  /** At the end. */
  seconds: z.number(),
  /** When the target was reached (target-watch.ts); null without a target, or when it was not. */
  secondsToTarget: z.number().nullable(),
  targetScore: z.number().nullable(),
  commits: count,
  updates: z.object({
    accepted: count,
    /** Of the accepted ones' files, all together. */
    bytes: count,
    refused: count,
    /** Acknowledged to a site and not at the hub. */
    lost: count,
    /** Counted in more than one trunk version. */
    duplicated: count,
  }),
  linesCut: count,
  hubDeaths: count,
  vanished: count,
  /**
   * Of each trunk version: when it was committed, of how many updates, how good it is (more is better). One that a hub committed as it
   * died stands there from its return on, with 0 updates.
   */
  curve: z.array(z.object({ seconds: z.number(), version: count, updates: count, score: z.number() })),
  sites: z.array(
    z.object({
      site: z.string(),
      accepted: count,
      refused: count,
      /** Of its accepted updates, in commits. */
      meanStaleness: z.number(),
      bytesSent: count,
      bytesReceived: count,
      hasVanished: z.boolean(),
      /** On its own validation data; null without a bench. */
      scoreboard: scoreboardSchema.nullable(),
    }),
  ),
});
export type SimulationOutcome = z.infer<typeof outcomeSchema>;
