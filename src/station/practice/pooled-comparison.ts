// Local-only, trunk, ensemble and central training side by side on the pooled test splits of the practice hospitals.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Project } from '../../contract/federation.ts';
import type { Metrics } from '../../contract/metrics.ts';
import type { Evaluation, TrainProgress } from '../../contract/training.ts';
import { metricsOf, type TrainerProcess } from '../../trainer/client.ts';
import { writePooledDataset } from './pooled-dataset.ts';

/** What a practice hospital leaves behind for the comparison: files of its home folder. */
export interface PracticeOutcome {
  readonly name: string;
  readonly datasetFile: string;
  readonly trunkFile: string;
  readonly localOnlyFile: string;
  /** Weights of the ensemble's members; their probabilities are averaged. */
  readonly ensembleFiles: readonly string[];
}

export interface ComparisonRow {
  readonly model: 'local-only' | 'trunk' | 'ensemble' | 'central';
  /** The hospital whose model or ensemble it is; null for the trunk and central training. */
  readonly site: string | null;
  readonly metrics: Metrics;
}

export interface ComparisonParts {
  readonly project: Project;
  readonly hospitals: readonly PracticeOutcome[];
  readonly folder: string;
  readonly trainer: TrainerProcess;
  readonly threads: number;
  /** Epochs of central training. */
  readonly centralEpochs: number;
  readonly onProgress: (progress: TrainProgress) => void;
}

/** Trains the central rival, then measures every model on every hospital's test split, pooled. */
export async function comparePooled(parts: ComparisonParts): Promise<ComparisonRow[]> {
  const { project, hospitals, trainer } = parts;
  const cache = new Map<string, Promise<Evaluation[]>>();
  const onEachTestSplit = (weightsFile: string): Promise<Evaluation[]> => {
    // Peers' copies of one model are one model.
    const key = createHash('sha256').update(readFileSync(weightsFile)).digest('hex');
    const known = cache.get(key);
    if (known) return known;
    const evaluations = (async () => {
      const all: Evaluation[] = [];
      for (const { datasetFile } of hospitals) all.push(await evaluate(parts, datasetFile, weightsFile));
      return all;
    })();
    cache.set(key, evaluations);
    return evaluations;
  };

  const rows: ComparisonRow[] = [];
  for (const { name, localOnlyFile } of hospitals) {
    rows.push({ model: 'local-only', site: name, metrics: pool([await onEachTestSplit(localOnlyFile)], project) });
  }
  const [first] = hospitals;
  if (first)
    rows.push({ model: 'trunk', site: null, metrics: pool([await onEachTestSplit(first.trunkFile)], project) });
  for (const { name, ensembleFiles } of hospitals) {
    const members: Evaluation[][] = [];
    for (const file of ensembleFiles) members.push(await onEachTestSplit(file));
    if (members.length > 0) rows.push({ model: 'ensemble', site: name, metrics: pool(members, project) });
  }
  mkdirSync(parts.folder, { recursive: true });
  const datasetFile = path.join(parts.folder, 'pooled.safetensors');
  writePooledDataset(
    hospitals.map((hospital) => hospital.datasetFile),
    datasetFile,
  );
  const outcome = await trainer.train(
    {
      job: 'train',
      runFolder: path.join(parts.folder, 'central'),
      datasetFile,
      network: project.network,
      hyperParameters: { ...project.hyperParameters, epochs: parts.centralEpochs, schedule: 'cosine' },
      seed: project.seed,
      engine: 'compiled',
      provider: 'auto',
      threads: parts.threads,
      initialWeightsFile: null,
      evaluate: true,
      idleShare: 0,
    },
    { signal: new AbortController().signal, onProgress: parts.onProgress, onEpoch: () => {} },
  );
  const central = await evaluate(parts, datasetFile, outcome.weightsFile);
  rows.push({ model: 'central', site: null, metrics: pool([[central]], project) });
  return rows;
}

function evaluate(parts: ComparisonParts, datasetFile: string, weightsFile: string): Promise<Evaluation> {
  return parts.trainer.evaluate({
    job: 'evaluate',
    datasetFile,
    network: parts.project.network,
    weightsFile,
    split: 'test',
    engine: 'compiled',
    provider: 'auto',
    threads: parts.threads,
  });
}

/** Averages the members' probabilities, then pools the test splits; patients of different hospitals stay distinct. */
function pool(members: readonly (readonly Evaluation[])[], project: Project): Metrics {
  const [reference] = members;
  if (!reference) throw new Error('an ensemble without members');
  const probabilities: number[] = [];
  const labels: number[] = [];
  const patients: number[] = [];
  let patientOffset = 0;
  for (const [splitIndex, evaluation] of reference.entries()) {
    for (let index = 0; index < evaluation.probabilities.length; index += 1) {
      let sum = 0;
      for (const member of members) sum += member[splitIndex]?.probabilities[index] ?? 0;
      probabilities.push(sum / members.length);
    }
    labels.push(...evaluation.labels);
    for (const patient of evaluation.patients) patients.push(patientOffset + patient);
    patientOffset += Math.max(-1, ...evaluation.patients) + 1;
  }
  return metricsOf(
    Float32Array.from(probabilities),
    Int32Array.from(labels),
    Int32Array.from(patients),
    project.classes,
  );
}
