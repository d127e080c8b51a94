// What SCAFFOLD's control variates of a commit are computed from and to, files to files like the commit itself (trunk-work.ts).
import { readFileSync } from 'node:fs';
import type { UpdateForm } from '../../contract/federation.ts';
import { rangesOf } from '../aggregation/byte-ranges.ts';
import { openTrunkVariate } from '../aggregation/trunk-variate.ts';
import { carriedLayout, type LayoutRule, partsOf, variateLayout } from '../aggregation/update-layout.ts';
import { decodeUpdate } from '../aggregation/update.ts';
import { openWeights } from '../aggregation/update-values.ts';
import { decodeWeights, encodeWeights } from '../aggregation/weights.ts';
import { openBlobFolder } from '../protocol/blob-folder.ts';

/** A site's bytes, and of how many examples its control variate is the mean gradient. */
interface SiteFile {
  readonly site: string;
  readonly file: string;
  readonly examples: number;
  /** It is a member: who left the federation pulls the others no more. */
  readonly isMember: boolean;
}

export interface VariateTask {
  readonly kind: 'variates';
  /** Where the results are put. */
  readonly blobs: { readonly folder: string; readonly isShared: boolean };
  /** File of the trunk's weights. */
  readonly base: string;
  readonly carries: LayoutRule;
  readonly form: UpdateForm;
  /** Of each site that brings one the newest update. */
  readonly brought: readonly SiteFile[];
  /** The control variates of the other sites. */
  readonly held: readonly SiteFile[];
}

/** Names of blobs that are on the disk. */
export interface MadeVariates {
  readonly trunk: { readonly blob: string; readonly bytes: number };
  readonly sites: readonly { readonly site: string; readonly blob: string; readonly examples: number }[];
}

/** The same task gives the same bytes. Memory: one update, and 8 bytes for each number of a control variate. */
export function makeVariates(task: VariateTask): MadeVariates {
  const { base, carries, form, brought, held } = task;
  const blobs = openBlobFolder(task.blobs.folder, task.blobs);
  const { layout: trunkLayout } = openWeights(rangesOf(readFileSync(base)));
  const layout = carriedLayout(trunkLayout, carries);
  const sites = brought.map(({ site, file, examples }) => {
    const { variate } = partsOf(decodeUpdate(readFileSync(file), { layout, form }));
    return { site, blob: blobs.put(encodeWeights(variate)), examples };
  });
  const newest = [
    ...held,
    ...sites.map((one, index) => ({ ...one, file: blobs.file(one.blob)!, isMember: brought[index]!.isMember })),
  ].toSorted((one, other) => (one.site < other.site ? -1 : 1));
  const trunk = openTrunkVariate(variateLayout(trunkLayout, carries));
  for (const { file, examples, isMember } of newest)
    if (isMember) trunk.add(decodeWeights(readFileSync(file)), examples);
  const bytes = encodeWeights(trunk.mean());
  return { trunk: { blob: blobs.put(bytes), bytes: bytes.byteLength }, sites };
}
