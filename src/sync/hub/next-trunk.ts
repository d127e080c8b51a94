// The arithmetic of a commit, fed from the hub's blobs one update at a time.
import { statisticNames } from '../../contract/network.ts';
import { type Commit, openCommit } from '../aggregation/trunk-commit.ts';
import { decodeUpdate, rebaseStatistics } from '../aggregation/update.ts';
import { decodeWeights, type Weights } from '../aggregation/weights.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { hubFault } from './faults.ts';
import type { BufferedUpdate, CurrentProject, TrunkStore } from './trunk-store.ts';

/** What the trunk becomes by these updates; reads, and writes nothing. */
export function openNextTrunk({ store, blobs }: { readonly store: TrunkStore; readonly blobs: BlobFolder }) {
  const trunkWeights = async (projectHash: string, version: number): Promise<Weights> => {
    const blob = await store.trunkBlob(projectHash, version);
    if (blob === null) throw hubFault.unknownVersion(version);
    return decodeWeights(await blobs.read(blob));
  };
  return async (current: CurrentProject, base: Weights, updates: readonly BufferedUpdate[]): Promise<Commit> => {
    const { project, projectHash, trunk, optimizerBlob } = current;
    const statistics = statisticNames(project.network);
    const open = openCommit({
      base,
      contributions: updates.map((update) => ({
        id: update.idempotencyKey,
        site: update.site,
        examples: update.examples,
        stalenessCommits: trunk.version - update.baseVersion,
      })),
      rule: project.trunkRule,
      statistics,
      optimizerState: optimizerBlob === null ? null : decodeWeights(await blobs.read(optimizerBlob)),
    });
    for (const update of updates) {
      const change = decodeUpdate(await blobs.read(update.blob), { layout: base, form: project });
      const started = update.baseVersion === trunk.version ? base : await trunkWeights(projectHash, update.baseVersion);
      open.add(update.idempotencyKey, rebaseStatistics(change, { base: started, current: base, statistics }));
    }
    return open.finish();
  };
}
