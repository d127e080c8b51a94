// Models at work on this site's own images: measured on a cohort, written as an inference graph. One piece of work at a time.
import { systemReason } from '../../contract/system-reason.ts';
import { readFileSync, statSync } from 'node:fs';
import type { CallArguments, CallOutput } from '../../contract/calls.ts';
import type { Cohort } from '../../contract/cohort.ts';
import { Fault } from '../../contract/fault.ts';
import type { EvaluationReport, GroupKind, OperatingPoint } from '../../contract/metrics.ts';
import type { MemberResult } from '../../contract/model.ts';
import type { SplitName } from '../../contract/training.ts';
import { chosenPoint, type TrainerProcess } from '../../trainer/client.ts';
import type { Dataset, DatasetOptions } from '../cohorts/build-dataset.ts';
import type { Cohorts } from '../cohorts/cohorts.ts';
import { onWholeDataset } from '../cohorts/whole-dataset.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import type { Library } from '../library/library.ts';
import type { WorkRules } from '../neighbour/work-rules.ts';
import { checkCohort } from './check-cohort.ts';
import { chosenImages } from './chosen-images.ts';
import { modelFaults } from './faults.ts';
import { maxModelFileBytes } from './model-file.ts';
import type { ModelRegistry, StoredModel, Voters } from './model-registry.ts';
import { patientGroups } from './patient-groups.ts';
import { predictStudies, readImage } from './predict-studies.ts';
import { readingThreads } from './reading-threads.ts';
import { resultWriter } from './result-writers.ts';
import { tracePredictions, trainedOnWarnings } from './trace-predictions.ts';
import { votedAnswers } from './voted-answers.ts';

const researchUse = 'For research. Not a medical device; not for diagnosis.';

export interface ModelProgress {
  readonly work: 'preparing' | 'evaluating' | 'predicting' | 'heat';
  readonly done: number;
  readonly total: number;
  /** Why it waits, while the workstation's rules hold it. */
  readonly waitsFor: string | null;
}

export interface EvaluationRequest {
  readonly id: string;
  readonly cohort: string;
  readonly split: SplitName;
  readonly by: readonly GroupKind[];
  readonly sensitivity: number | null;
}

export interface Evaluated {
  readonly report: EvaluationReport;
  readonly operatingPoint: OperatingPoint | null;
  /** Of an ensemble: each of its members alone. */
  readonly members: readonly MemberResult[];
  /** The version that was measured on. */
  readonly cohort: Cohort;
}

export interface ModelWork {
  /**
   * @throws Fault 211 (no such cohort), 230 (no such model), 233 (another task), 236 (busy), 237 (cancelled), 360 (empty
   * split), 613 (a class that the model does not know).
   */
  evaluate(request: EvaluationRequest): Promise<Evaluated>;
  /** Writes a file and returns its size in bytes. @throws Fault 230, 234 */
  export(id: string, file: string, format: 'imagiq' | 'onnx'): Promise<number>;
  /** @throws Fault 231, 232 */
  import(file: string): ReturnType<ModelRegistry['take']>;
  /** @throws Fault 211, 230, 234, 236–239, 242 */
  predict(request: CallArguments<'predict-studies'>): Promise<Omit<CallOutput<'predict-studies'>, 'run'>>;
  /** @throws Fault 230, 237 (abandoned), 240, 243, and those of the image's pixels */
  heatMap(request: CallArguments<'heat-map'>, signal?: AbortSignal): Promise<CallOutput<'heat-map'>>;
  cancel(): void;
  close(): Promise<void>;
}

export interface ModelWorkParts {
  readonly models: ModelRegistry;
  readonly cohorts: Cohorts;
  readonly trainer: TrainerProcess;
  readonly datasets: string;
  readonly rules: WorkRules;
  readonly library: Library;
  readonly onProgress: (progress: ModelProgress) => void;
}

export function openModelWork(parts: ModelWorkParts): ModelWork {
  const { models, cohorts, trainer, library, rules } = parts;
  const reading = readingThreads();
  let active: AbortController | null = null;

  /** One piece of work at a time. */
  const alone = async <Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> => {
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
    const voted = models.voters(request.id);
    const cohort = cohorts.show(request.cohort);
    checkCohort(voted.model, cohort);
    const optionsOf = ({ model, definition }: StoredModel): DatasetOptions => ({
      ...definition.input,
      task: model.task,
      classes: model.classes,
      // As it saw the images that it was trained on, and sees those that it is run on.
      chain: model.input?.preprocessing ?? undefined,
      folder: parts.datasets,
      signal,
      onProgress: (news) => parts.onProgress({ work: 'preparing', ...news }),
    });
    /** The data set of each voter, then the measuring. */
    const prepared = (datasets: readonly Dataset[]): ReturnType<ModelWork['evaluate']> => {
      const next = voted.voters[datasets.length];
      return next === undefined
        ? measure(voted, request, cohort, datasets, signal)
        : onWholeDataset(cohorts, request.cohort, optionsOf(next), (dataset) => prepared([...datasets, dataset]));
    };
    return prepared([]);
  };

  const measure = async (
    { model, voters }: Voters,
    request: EvaluationRequest,
    cohort: Cohort,
    datasets: readonly Dataset[],
    signal: AbortSignal,
  ): ReturnType<ModelWork['evaluate']> => {
    const { header } = datasets[0]!;
    const [first, ...others] = voters.map(({ model: one, definition, weightsFile }, index) => {
      const { file, header: of } = datasets[index]!;
      const normalisation = one.input ?? { mean: of.mean, standardDeviation: of.standardDeviation };
      return { datasetFile: file, network: definition, weightsFile, normalisation };
    });
    const order = { job: 'evaluate', ...first!, others, threads: rules.threads() } as const;
    const tell = (done: number, waitsFor: string | null = null): void =>
      parts.onProgress({ work: 'evaluating', done, total: 1, waitsFor });
    tell(0);
    await rules.turn({ workedMs: 0, signal, onWait: (reason) => tell(0, reason) });
    let { operatingPoint } = model;
    if (request.sensitivity !== null) {
      const rule = { sensitivity: request.sensitivity };
      const { probabilities, labels } = await trainer.evaluate({ ...order, split: 'validation' }, { signal });
      operatingPoint = chosenPoint({ task: model.task, probabilities, labels, classes: model.classes.length, rule });
    }
    const chain = header.preprocessing;
    const groups =
      request.by.length === 0 || chain === undefined
        ? []
        : await patientGroups(cohorts.patientImages(request.cohort, chain), request.by, library.header);
    const { report, votes } = await trainer.evaluate(
      { ...order, split: request.split, operatingPoint, isExplained: true, groups },
      { signal },
    );
    tell(1);
    const members = votes.map((metrics, index) => ({ model: voters[index]!.model.id, metrics }));
    return { report: report!, operatingPoint, members, cohort };
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
    predict: (request) =>
      alone(async (signal) => {
        const voted = models.voters(request.id);
        const { model } = voted;
        const writer = resultWriter(voted, request.write, library);
        const { chosen, passedOver } = chosenImages(model, request, parts);
        let soFar = { done: 0, total: chosen.length };
        const tell = (progress: typeof soFar, waitsFor: string | null = null): void =>
          parts.onProgress({ work: 'predicting', ...progress, waitsFor });
        const { images, failures } = await reading.use((threads) =>
          predictStudies(voted, chosen, {
            library,
            trainer,
            reading: threads,
            threads: rules.threads(),
            turn: (workedMs) => rules.turn({ workedMs, signal, onWait: (reason) => tell(soFar, reason) }),
            withHeat: request.write.includes('sc'),
            signal,
            onProgress: (progress) => {
              soFar = progress;
              tell(progress);
            },
            onResult: (result) => writer.add(result),
          }),
        );
        const { held, fresh } = await writer.end();
        const traced = tracePredictions(model, images, { chosen, cohort: request.cohort, cohorts, models });
        return {
          model: model.id,
          members: model.isEnsemble ? model.parents : [],
          use: researchUse,
          warnings: trainedOnWarnings(traced),
          classes: model.classes,
          images: traced,
          failures,
          passedOver,
          written: held,
          writtenNow: fresh,
        };
      }),
    async heatMap({ id, sopInstanceUID, frame, class: wanted }, signal) {
      const { model, voters } = models.voters(id);
      if (model.task === 'segmentation') throw modelFaults.noHeat();
      if (library.instanceFile(sopInstanceUID)?.isModelMade === true) throw modelFaults.madeByModel();
      const reached = (done: number): void => {
        if (signal?.aborted === true) throw modelFaults.cancelled();
        parts.onProgress({ work: 'heat', done, total: 3, waitsFor: null });
      };
      reached(0);
      const read = await reading.use((threads) =>
        readImage(voters, sopInstanceUID, frame, { library, reading: threads }),
      );
      reached(1);
      const threads = rules.threads();
      const { values, heat } = await votedAnswers(voters, [{ read }], {
        predict: (order) => trainer.predict({ ...order, threads }, signal === undefined ? {} : { signal }),
        heatOf: wanted ?? -1,
      });
      reached(2);
      const { rows, columns } = read[0]!.place;
      const probabilities = [...values[0]!];
      return {
        rows,
        columns,
        heat: heat![0]!,
        probabilities,
        class: wanted ?? probabilities.indexOf(Math.max(...probabilities)),
      };
    },
    cancel: () => active?.abort(),
    async close() {
      active?.abort();
      await reading.close();
    },
  };
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
    use: researchUse,
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
  return systemReason((error as { code?: unknown }).code);
}
