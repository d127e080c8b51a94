// Where the weights of the trunk's versions and the updates lie, for whoever computes with them.
import { statisticNames } from '../../contract/network.ts';
import { updateLayout } from '../aggregation/update-layout.ts';
import { openWeights } from '../aggregation/update-values.ts';
import { parameterCount } from '../aggregation/weights.ts';
import type { BlobFolder } from '../protocol/blob-folder.ts';
import { wireFault } from '../protocol/faults.ts';
import { hubFault } from './faults.ts';
import { openFileRanges } from './file-ranges.ts';
import type { CurrentProject } from './current-project.ts';
import type { TrunkStore } from './trunk-store.ts';

export interface TrunkFiles {
  /** @throws Fault 406 when the blob is not there. */
  of(blob: string): string;
  /** How many numbers an update is. */
  parametersOf(current: CurrentProject): number;
  /** Of the weights that an update of this version started from. @throws Fault 513 when there never was one, 406 when it is not there. */
  startedFrom(current: CurrentProject, baseVersion: number): Promise<string>;
}

export function openTrunkFiles(store: TrunkStore, blobs: BlobFolder): TrunkFiles {
  let counted: { readonly projectHash: string; readonly blob: string; readonly parameters: number } | null = null;

  const of = (blob: string): string => {
    const file = blobs.file(blob);
    if (file === null) throw wireFault.unknownBlob(blob);
    return file;
  };
  return {
    of,
    parametersOf({ project, projectHash, trunk: { blob } }) {
      if (counted?.blob !== blob || counted.projectHash !== projectHash) {
        const files = openFileRanges();
        try {
          const { layout } = openWeights(files.of(of(blob)));
          counted = { projectHash, blob, parameters: parameterCount(updateLayout(layout, project)) };
        } finally {
          files.close();
        }
      }
      return counted.parameters;
    },
    async startedFrom({ projectHash, trunk }, baseVersion) {
      if (baseVersion === trunk.version) return of(trunk.blob);
      const blob = await store.trunkBlob(projectHash, baseVersion);
      if (blob === null) throw hubFault.unknownVersion(baseVersion);
      return of(blob);
    },
  };
}

/** Whether the project's network measures statistics, which are not trained. */
export function measuresStatistics({ project }: CurrentProject): boolean {
  return statisticNames(project.network).size > 0;
}
