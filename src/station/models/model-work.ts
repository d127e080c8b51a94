// Models at work on this site's own images: measured on a cohort, written as an inference graph. One piece of work at a time.
import { readFileSync, statSync } from 'node:fs';
import type { Cohort } from '../../contract/cohort.ts';
import { Fault } from '../../contract/fault.ts';
import type { EvaluationReport, GroupKind, OperatingPoint } from '../../contract/metrics.ts';
import type { Model } from '../../contract/model.ts';
import type { EvaluateOrder, SplitName } from '../../contract/training.ts';
import { chosenPoint, type TrainerProcess } from '../../trainer/client.ts';
import { classLabels } from '../cohorts/build-dataset.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import { modelFaults } from './faults.ts';
import { maxModelFileBytes } from './model-file.ts';
import type { ModelRegistry, StoredModel } from './model-registry.ts';

export interface ModelProgress {
  readonly work: 'preparing' | 'evaluating' | 'predicting';
  readonly done: number;
  readonly total: number;
}

export interface EvaluationRequest {
  readonly id: string;
  readonly cohort: string;
  readonly split: SplitName;
  readonly by: readonly GroupKind[];
  readonly sensitivity: number | null;
}

export interface ModelWork {
  /**
   * @throws Fault 211 (no such cohort), 230 (no such model), 233 (another task), 236 (busy), 237 (cancelled), 360 (empty
   * split), 613 (a class that the model does not know).
   */
  evaluate(request: EvaluationRequest): Promise<{ report: EvaluationReport; operatingPoint: OperatingPoint | null }>;
  /** Writes a file and returns its size in bytes. @throws Fault 230, 234 */
  export(id: string, file: string, format: 'imagiq' | 'onnx'): Promise<number>;
  /** @throws Fault 231, 232 */
  import(file: string): Model;
  /** One piece of work at a time: rejects with Fault 236 while another is under way, with 237 when it is cancelled. */
  alone<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value>;
  cancel(): void;
}

export interface ModelWorkParts {
  readonly models: ModelRegistry;
  readonly cohorts: Cohorts;
  readonly trainer: TrainerProcess;
  readonly datasets: string;
  readonly threads: number;
  /** Which group each patient number of the cohort's data sets belongs to. */
  readonly groupsOf: (cohort: string, by: readonly GroupKind[]) => Promise<NonNullable<EvaluateOrder['groups']>>;
  readonly onProgress: (progress: ModelProgress) => void;
}

export function openModelWork(parts: ModelWorkParts): ModelWork {
  const { models, cohorts, trainer } = parts;
  let active: AbortController | null = null;

  const alone: ModelWork['alone'] = async (work) => {
    if (active !== null) throw modelFaults.busy();
    const own = new AbortController();
    active = own;
    try {
      return await work(own.signal);
    } catch (error) {
      throw own.signal.aborted ? modelFaults.cancelled() : error;
    } finally {
      active = null;
    }
  };

  const evaluate = async (request: EvaluationRequest, signal: AbortSignal): ReturnType<ModelWork['evaluate']> => {
    const { model, definition, weightsFile } = models.get(request.id);
    const cohort = cohorts.show(request.cohort);
    checkCohort(model, cohort);
    const { file, header } = await cohorts.buildDataset(request.cohort, {
      ...definition.input,
      classes: model.classes,
      folder: parts.datasets,
      signal,
      onProgress: ({ done, total }) => parts.onProgress({ work: 'preparing', done, total }),
    });
    const order = {
      job: 'evaluate',
      datasetFile: file,
      network: definition,
      weightsFile,
      threads: parts.threads,
      normalisation: model.input ?? { mean: header.mean, standardDeviation: header.standardDeviation },
    } as const;
    parts.onProgress({ work: 'evaluating', done: 0, total: 1 });
    let { operatingPoint } = model;
    if (request.sensitivity !== null) {
      const rule = { sensitivity: request.sensitivity };
      const { probabilities, labels } = await trainer.evaluate({ ...order, split: 'validation' }, { signal });
      operatingPoint = chosenPoint({ task: model.task, probabilities, labels, classes: model.classes.length, rule });
    }
    const groups = request.by.length === 0 ? [] : await parts.groupsOf(request.cohort, request.by);
    const { report } = await trainer.evaluate(
      { ...order, split: request.split, operatingPoint, isExplained: true, groups },
      { signal },
    );
    parts.onProgress({ work: 'evaluating', done: 1, total: 1 });
    return { report: report!, operatingPoint };
  };

  return {
    evaluate: (request) => alone((signal) => evaluate(request, signal)),
    async export(id, file, format) {
      try {
        if (format === 'onnx') return await exportGraph(models.get(id), file, trainer);
        const bytes = models.encode(id);
        writeFileDurably(file, bytes);
        return bytes.length;
      } catch (error) {
        if (error instanceof Fault) throw error;
        throw modelFaults.notWritten(reasonOf(error));
      }
    },
    import(file) {
      let bytes: Uint8Array;
      try {
        if (statSync(file).size > maxModelFileBytes) throw modelFaults.fileDamaged('it is larger than any model');
        bytes = readFileSync(file);
      } catch (error) {
        throw error instanceof Fault ? error : modelFaults.fileUnreadable(reasonOf(error));
      }
      return models.take(bytes);
    },
    alone,
    cancel: () => active?.abort(),
  };
}

function checkCohort(model: Model, cohort: Cohort): void {
  const task = 'task' in cohort && typeof cohort.task === 'string' ? cohort.task : 'classification';
  if (task !== model.task) throw modelFaults.otherTask(model.task, task);
  classLabels(cohort, model.classes);
}

/** What whoever loads the graph has to know, as JSON under `imagiq`; the parts that runtimes show are beside it. */
async function exportGraph(
  { model, definition, weightsFile }: StoredModel,
  file: string,
  trainer: TrainerProcess,
): Promise<number> {
  const { mean, standardDeviation } = model.input ?? { mean: 0, standardDeviation: 1 };
  const card = {
    version: 1,
    ...model,
    graph: {
      input: 'in:images',
      layout: 'NHWC',
      shape: [1, definition.input.height, definition.input.width, definition.input.channels],
      range:
        '0…1 after the preprocessing in input.preprocessing; the graph itself subtracts the mean and divides by the standard deviation',
      output: 'out:probabilities',
    },
    use: 'For research. Not a medical device; not for diagnosis.',
  };
  return trainer.exportModel({
    job: 'export',
    network: definition,
    weightsFile,
    classes: model.classes.length,
    mean,
    standardDeviation,
    metadata: {
      imagiq: JSON.stringify(card),
      task: model.task,
      classes: JSON.stringify(model.classes),
      model: model.id,
      use: card.use,
    },
    file,
  });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return code === 'ENOENT' ? 'it does not exist' : `the system answered ${code}`;
}
