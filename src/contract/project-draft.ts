// A project as a coordinator writes it, before a hub has looked at it: what a new one begins with, and what is said against it.
import { z } from 'zod';
import { taskNames } from './network.ts';

/** What a new project begins with at the command line and at the console, where the project's schema leaves the choice to the coordinator. */
export const newProjectValues = {
  commits: 20,
  bufferSize: 2,
  /** A slow hospital's patients count like a quick one's. */
  combination: { kind: 'mean', of: 'sites' },
  /**
   * Of n sites of equal speed with buffers of K, updates are about n/K − 1 commits old: by this rule the steps of the n/K commits that all of
   * them fill add up to that of one round, whatever K is. Larger ones overshoot, and the trunk swings instead of settling.
   */
  staleness: { kind: 'polynomial', exponent: 1 },
  stalenessEffect: 'step',
  /** One site alone is no federation. */
  sitesToStart: 2,
  localEpochs: 1,
  schedule: 'cosine',
  seed: 1,
} as const;

/** `field` is where it is in the project, `trunkRule.bufferSize`; '' where it is about all of it. */
export const projectProblemSchema = z.object({ field: z.string(), message: z.string() });
export type ProjectProblem = z.infer<typeof projectProblemSchema>;

/** A bundled network, to be named in a draft. */
export const networkChoiceSchema = z.object({
  name: z.string(),
  description: z.string(),
  task: z.enum(taskNames),
  /** Numbers that are trained, with two classes. */
  parameters: z.number().int(),
});
export type NetworkChoice = z.infer<typeof networkChoiceSchema>;
