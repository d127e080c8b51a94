// What a practice hospital's process tells the demo that started it.
import { z } from 'zod';
import { cohortSchema } from '../../contract/cohort.ts';
import { membershipSchema } from '../../contract/federation.ts';
import { faultSchema } from '../../contract/fault-schema.ts';

export const hospitalNewsSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('phase'),
    phase: z.enum(['generating', 'importing', 'cohort', 'joining', 'working', 'closing']),
  }),
  z.object({ kind: z.literal('cohort'), cohort: cohortSchema, studies: z.number().int() }),
  z.object({ kind: z.literal('membership'), membership: membershipSchema }),
  z.object({
    kind: z.literal('outcome'),
    datasetFile: z.string(),
    trunkFile: z.string(),
    localOnlyFile: z.string(),
    ensembleFiles: z.array(z.string()),
    ledgerHead: z.string(),
    ledgerEntries: z.number().int(),
  }),
  z.object({ kind: z.literal('fault'), fault: faultSchema }),
]);
export type HospitalNews = z.infer<typeof hospitalNewsSchema>;
