// What is kept of a run on disk: what was asked, what it came to, and all that a resumed run needs to be the same run.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type Run, runSchema } from '../../contract/calls.ts';
import { type DatasetHeader, datasetHeaderSchema } from '../../contract/dataset.ts';
import { networkSchema } from '../../contract/network.ts';
import { preprocessingSchema } from '../../contract/preprocessing.ts';
import { engineNames, hyperParametersSchema, providerNames, type TrainOutcome } from '../../contract/training.ts';
import { writeFileDurably } from '../home/durable-file.ts';

const recordFile = 'run.json';

export const runRequestSchema = z.object({
  cohort: z.string(),
  network: z.string(),
  hyperParameters: hyperParametersSchema.partial(),
  engine: z.enum(engineNames),
  provider: z.enum(providerNames),
  seed: z.number().int(),
  fitMemory: z.boolean().default(false),
});
export type FullRequest = z.infer<typeof runRequestSchema>;

/** What a run trains and how it sees its images: settled once, since networks of a later version, or images that are away, would make another run of it. */
const runBasisSchema = z.object({
  definition: networkSchema,
  /** Null until its data set was built once. */
  chain: preprocessingSchema.nullable(),
  /** The model that it goes on from; its classes are the run's, in their order. */
  parent: z.object({ id: z.string(), classes: z.array(z.string()) }).nullable(),
});
export type RunBasis = z.infer<typeof runBasisSchema>;

/** What a run has learnt, and of which data set. */
export interface Learnt {
  readonly outcome: TrainOutcome;
  readonly header: DatasetHeader;
}

const runRecordSchema = z
  .object({
    run: runSchema,
    request: runRequestSchema,
    /** Null of a run that has not got so far, and of one of an earlier version. */
    basis: runBasisSchema.nullable().default(null),
    /** Of the data set that its checkpoints are of, without its shards; null of a run that has not got so far. */
    header: datasetHeaderSchema.nullable().default(null),
    /** Where earlier versions kept the header of a paused run. */
    learnt: z.object({ header: datasetHeaderSchema }).nullable().catch(null),
  })
  .transform(({ learnt, header, ...record }) => ({ ...record, header: header ?? learnt?.header ?? null }));
type RunRecord = z.infer<typeof runRecordSchema>;

/** @param folder the run's own. Durable: after a kill the record is the old or the new one. */
export function writeRunRecord(folder: string, record: RunRecord): void {
  writeFileDurably(path.join(folder, recordFile), JSON.stringify(record));
}

/** The runs whose folders lie in this one, in no order; `damaged`: ids of those whose record cannot be read. */
export function readRunRecords(folder: string): { records: RunRecord[]; damaged: string[] } {
  const records: RunRecord[] = [];
  const damaged: string[] = [];
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name, recordFile);
    // A folder without a record is not a run of this book, such as a federation's: it is left alone.
    if (!existsSync(file)) continue;
    try {
      records.push(runRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
    } catch {
      damaged.push(name);
    }
  }
  return { records, damaged };
}

/** Points kept of a run's loss curve; older ones are thinned by half when there are more. */
const maxLossPoints = 2_000;

/** Every second point where they are too many: the curve keeps its length, and the record its size. */
export function thinnedLosses(points: Run['losses']): Run['losses'] {
  return points.length <= maxLossPoints ? points : points.filter((_, index) => index % 2 === 0);
}
