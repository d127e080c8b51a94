// What the bench asks of the process that plays a federation, and what it hears.
import { z } from 'zod';
import { networkSchema } from '../../src/contract/network.ts';
import { hyperParametersSchema } from '../../src/contract/training.ts';
import { outcomeSchema } from '../../src/sync/simulation/outcome.ts';
import { scenarioSchema } from '../../src/sync/simulation/scenario.ts';

export const playOrderSchema = z.object({
  scenario: scenarioSchema,
  network: networkSchema,
  hyperParameters: hyperParametersSchema,
  siteFiles: z.array(z.string()),
  /** Its test split is what trunks are measured on. */
  centralFile: z.string(),
  /** Ends the federation when the trunk's AUC is there; null: all commits. */
  targetAuc: z.number().nullable(),
  localOnlyEpochs: z.number().int(),
});
export type PlayOrder = z.input<typeof playOrderSchema>;

const measuredSchema = z.object({ accuracy: z.number(), auc: z.number() });
export const playedSchema = z.union([
  z.object({
    outcome: outcomeSchema,
    trunk: measuredSchema,
    /** Mean bytes of an update's file over those of its values as float32. */
    bytesRatio: z.number(),
  }),
  z.object({ failure: z.string() }),
]);
export type Played = Extract<z.infer<typeof playedSchema>, { outcome: unknown }>;
