// A note beside a data set that is being built: its shards are named by no file yet, and are not to be swept before it is finished,
// however long it is paused.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { preprocessingSchema } from '../../contract/preprocessing.ts';
import { writeFileDurably } from '../home/durable-file.ts';

const suffix = '.unfinished';
/** Nobody goes on with a build after so long: its shards are only taking room. */
const keptMs = 30 * 24 * 3_600_000;

const unfinishedSchema = z.object({
  chain: preprocessingSchema,
  /** Label index in the file by the cohort's own. */
  label: z.array(z.number().int()).max(1_000),
});
/** What decides the recipes of its shards, beside the cohort. */
type UnfinishedBuild = Readonly<z.infer<typeof unfinishedSchema>>;

export function noteUnfinished(
  datasetFile: string,
  build: { chain: UnfinishedBuild['chain']; label: readonly number[] },
): void {
  writeFileDurably(`${datasetFile}${suffix}`, JSON.stringify(build));
}

export function noteFinished(datasetFile: string): void {
  rmSync(`${datasetFile}${suffix}`, { force: true });
}

/** Null of any other file, and of a note that is old or cannot be read: such a build begins anew. */
export function readUnfinished(file: string): UnfinishedBuild | null {
  if (!file.endsWith(suffix)) return null;
  try {
    if (Date.now() - statSync(file).mtimeMs > keptMs) return null;
    return unfinishedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
