// The site's models: the list, the one that is shown, and the work under way on it.
import type { CallInput } from '../../contract/calls.ts';
import type { Study } from '../../contract/dicom.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { ModelEvaluationSummary } from '../../contract/model-evaluation.ts';
import type { EvaluationReport, GroupKind } from '../../contract/metrics.ts';
import type { MemberResult, Model, ResultObjectKind } from '../../contract/model.ts';
import type { SplitName } from '../../contract/training.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import type { Found } from './study-answers.ts';

/** What one evaluation found, with what it was asked. */
export interface ShownReport {
  /** Under which it is kept. */
  readonly evaluation: number;
  readonly model: string;
  readonly cohort: string;
  readonly split: SplitName;
  /** That the thresholds were chosen for; null: the model's own thresholds. */
  readonly sensitivity: number | null;
  readonly report: EvaluationReport;
  /** Of an ensemble: each of its members alone. */
  readonly members: readonly MemberResult[];
  /** Whether results by scanner, sex and age were asked for just now. */
  readonly isGroupingWanted: boolean;
}

/** What a model said, with the model and the studies that it was run on. */
export interface Predictions extends Omit<Found, 'model'> {
  readonly model: Model;
  /** Null for chosen studies. */
  readonly cohort: string | null;
  readonly studies: ReadonlyMap<string, Study>;
}

export interface ModelWorkUnderWay {
  readonly what: string;
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
}

/** The answer's own fault for work that was cancelled. */
const cancelled = 237;
const studiesAtOnce = 1_000;

export class Models {
  #damaged = $state.raw<readonly string[]>([]);
  #models = $state.raw<readonly Model[] | null>(null);
  #evaluations = $state.raw<readonly ModelEvaluationSummary[]>([]);
  #chosen = $state<string | null>(null);
  #work = $state.raw<ModelWorkUnderWay | null>(null);
  #isCancelling = $state(false);
  #report = $state.raw<ShownReport | null>(null);
  #predictions = $state.raw<Predictions | null>(null);
  /** Of chosen studies, until it was looked at. */
  #results = $state.raw<Predictions | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('library-changed', () => void this.load());
    station.watch('run-changed', ({ outcome }) => {
      // Done, stopped or failed, it has left a model.
      if (outcome !== null) void this.load();
    });
    station.watch('model-progress', ({ work, done, total, waitsFor }) => {
      if (this.#work === null || work === 'heat') return;
      const words = { preparing: 'Preparing images', evaluating: 'Measuring', predicting: 'Running the model' };
      this.#work = {
        what: waitsFor === null ? words[work] : `Waits: ${waitsFor}`,
        done,
        total: work === 'evaluating' ? 0 : total,
      };
    });
    void this.load();
  }

  /** Ids of models whose record on the disk cannot be read. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  /** Newest first; null until the station answered. */
  get models(): readonly Model[] | null {
    return this.#models;
  }

  get shown(): Model | null {
    return this.#models?.find(({ id }) => id === this.#chosen) ?? this.#models?.[0] ?? null;
  }

  /** Newest first. */
  evaluationsOf(model: Model): readonly ModelEvaluationSummary[] {
    return this.#evaluations.filter((one) => one.model === model.id);
  }

  get work(): ModelWorkUnderWay | null {
    return this.#work;
  }

  get isCancelling(): boolean {
    return this.#isCancelling;
  }

  get results(): Predictions | null {
    return this.#results;
  }

  dismissResults(): void {
    this.#results = null;
  }

  /** Of the model that is shown. */
  get report(): ShownReport | null {
    return this.#report?.model === this.shown?.id ? this.#report : null;
  }

  get predictions(): Predictions | null {
    return this.#predictions?.model.id === this.shown?.id ? this.#predictions : null;
  }

  choose(id: string): void {
    this.#chosen = id;
  }

  /** @param sensitivity that thresholds are chosen for, on the cohort's validation images; null keeps the model's own */
  evaluate(
    model: Model,
    cohort: string,
    split: SplitName,
    by: GroupKind[],
    sensitivity: number | null,
  ): Promise<boolean> {
    return this.#atWork('Preparing images', async () => {
      const asked = { id: model.id, cohort, split, by, sensitivity };
      const { report, members, evaluation } = await this.#station.ask('evaluate-model', asked);
      this.#report = {
        evaluation,
        model: model.id,
        cohort,
        split,
        sensitivity,
        report,
        members,
        isGroupingWanted: by.length > 0,
      };
      await this.#loadEvaluations();
    });
  }

  async showEvaluation(id: number): Promise<void> {
    const found = await this.#try(() => this.#station.ask('model-evaluation', { id }));
    if (found) this.#report = { ...found, evaluation: found.id, isGroupingWanted: false };
  }

  async saveEvaluation(id: number, file: string): Promise<void> {
    const written = await this.#try(() => this.#station.ask('save-model-evaluation', { id, file }), 'write');
    if (written) this.#toasts.tell(`The evaluation was written to ${written.file}.`, 'write');
  }

  async savePredictions({ run }: Predictions, file: string): Promise<void> {
    const written = await this.#try(() => this.#station.ask('save-predictions', { run, file }), 'write');
    if (written) this.#toasts.tell(`What the model said was written to ${written.file}.`, 'write');
  }

  run(model: Model, cohort: string, write: ResultObjectKind[]): Promise<boolean> {
    return this.#atWork('Running the model', async () => {
      this.#predictions = await this.#predict(model, { cohort, write });
    });
  }

  /** Whether it was done; why not is told. */
  runOnStudies(model: Model, studyInstanceUIDs: readonly string[], write: ResultObjectKind[]): Promise<boolean> {
    return this.#atWork('Running the model', async () => {
      this.#results = await this.#predict(model, { studyInstanceUIDs: [...studyInstanceUIDs], write });
    });
  }

  /** By UID; those that are not in the library any more are missing. */
  async studiesOf(studyInstanceUIDs: readonly string[]): Promise<Map<string, Study>> {
    const found = new Map<string, Study>();
    for (let start = 0; start < studyInstanceUIDs.length; start += studiesAtOnce) {
      const anyOf = studyInstanceUIDs.slice(start, start + studiesAtOnce);
      const answer = await this.#try(() =>
        this.#station.ask('studies', { filters: [{ field: 'studyInstanceUID', anyOf }], limit: studiesAtOnce }),
      );
      for (const study of answer?.studies ?? []) found.set(study.studyInstanceUID, study);
    }
    return found;
  }

  async #predict(model: Model, asked: Omit<CallInput<'predict-studies'>, 'id'>): Promise<Predictions> {
    const found = await this.#station.ask('predict-studies', { id: model.id, ...asked });
    const uids = [...found.images, ...found.failures].map(({ studyInstanceUID }) => studyInstanceUID);
    return { ...found, model, cohort: asked.cohort ?? null, studies: await this.studiesOf([...new Set(uids)]) };
  }

  async cancel(): Promise<void> {
    this.#isCancelling = true;
    await this.#try(() => this.#station.ask('cancel-model-work', {}));
  }

  async export(model: Model, file: string): Promise<void> {
    const format = file.toLowerCase().endsWith('.onnx') ? 'onnx' : 'imagiq';
    const written = await this.#try(() => this.#station.ask('export-model', { id: model.id, file, format }), 'write');
    if (written) this.#toasts.tell(`The model was written to ${written.file}.`, 'write');
  }

  async import(file: string): Promise<void> {
    const model = await this.#try(() => this.#station.ask('import-model', { file }), 'import');
    if (!model) return;
    this.#chosen = model.id;
    if (model.isKnown) return this.#toasts.tell(`${model.network} ${model.id.slice(0, 6)} is here already.`, 'import');
    this.#toasts.tell(
      `${model.network} of ${model.author?.site ?? 'another site'} was taken in; its signature is right.`,
      'import',
    );
  }

  async delete(model: Model): Promise<void> {
    if (await this.#try(() => this.#station.ask('delete-model', { id: model.id }), 'delete')) {
      this.#toasts.tell(`${model.network} ${model.id.slice(0, 6)} was deleted.`, 'delete');
    }
  }

  async deleteDamaged(id: string): Promise<void> {
    if (await this.#try(() => this.#station.ask('delete-model', { id }), 'delete'))
      this.#toasts.tell(`${id.slice(0, 6)} was deleted.`, 'delete');
  }

  async load(): Promise<void> {
    const answer = await this.#try(() => this.#station.ask('models', {}));
    if (answer) {
      this.#models = answer.models;
      this.#damaged = answer.damaged;
    }
    await this.#loadEvaluations();
  }

  async #loadEvaluations(): Promise<void> {
    const answer = await this.#try(() => this.#station.ask('model-evaluations', {}));
    if (answer) this.#evaluations = answer.evaluations;
  }

  /** Whether it was done; why not is told. */
  async #atWork(what: string, work: () => Promise<void>): Promise<boolean> {
    if (this.#work !== null) return false;
    this.#work = { what, done: 0, total: 0 };
    try {
      await work();
      return true;
    } catch (thrown) {
      const { code, message } = faultValueOf(thrown);
      if (code === cancelled) this.#toasts.tell(message);
      else this.#toasts.fault(thrown);
      return false;
    } finally {
      this.#work = null;
      this.#isCancelling = false;
    }
  }

  /** @param about what a later success of the same takes the fault's message away by */
  async #try<Value>(act: () => Promise<Value>, about: string | null = null): Promise<Value | null> {
    try {
      return await act();
    } catch (fault) {
      this.#toasts.fault(fault, about);
      return null;
    }
  }
}
