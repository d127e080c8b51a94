// The station's own models: weights by hash, with where they came from.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Model, modelSchema } from '../../contract/calls.ts';
import type { Metrics } from '../../contract/metrics.ts';
import type { BlobStore } from '../home/blob-store.ts';
import { writeFileDurably } from '../home/durable-file.ts';

export interface NewModel {
  readonly weightsFile: string;
  readonly network: string;
  readonly cohort: string;
  /** Of the cohort version that it was trained on: a newer one may be there by the end. */
  readonly cohortHash: string;
  readonly classes: readonly string[];
  readonly test: Metrics | null;
  /** Ids of the models that this one was trained from. */
  readonly parents: readonly string[];
}

export interface ModelRegistry {
  /** Copies the weights into the blob store and registers the model. */
  add(model: NewModel): Model & { weightsFile: string };
  list(): Model[];
}

export function openModelRegistry(folder: string, blobs: BlobStore): ModelRegistry {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    add({ weightsFile, network, cohort, cohortHash, classes, test, parents }) {
      const weightsHash = blobs.put(readFileSync(weightsFile));
      const model: Model = {
        id: weightsHash.slice(0, 16),
        network,
        cohort,
        cohortHash,
        createdAt: new Date().toISOString(),
        classes: [...classes],
        parents: [...parents],
        weightsHash,
        test,
      };
      writeFileDurably(path.join(folder, `${model.id}.json`), JSON.stringify(model));
      return { ...model, weightsFile: blobs.file(weightsHash) ?? weightsFile };
    },
    list() {
      const models: Model[] = [];
      for (const name of readdirSync(folder)) {
        if (!name.endsWith('.json')) continue;
        const model = modelSchema.safeParse(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
        if (model.success) models.push(model.data);
      }
      return models.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    },
  };
}
