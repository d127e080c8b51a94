// The site's models: the list, the one that is shown, and the work under way on it.
import type { CallOutput } from '../../contract/calls.ts';
import type { EvaluationReport, GroupKind } from '../../contract/metrics.ts';
import type { Model } from '../../contract/model.ts';
import type { SplitName } from '../../contract/training.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { counted } from '../ui/format.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

/** What one evaluation found, with what it was asked. */
export interface ShownReport {
  readonly model: string;
  readonly cohort: string;
  readonly split: SplitName;
  readonly report: EvaluationReport;
}

export type Predictions = CallOutput<'predict-studies'> & { readonly model: string; readonly cohort: string };

export class Models {
  #models = $state.raw<readonly Model[] | null>(null);
  #chosen = $state<string | null>(null);
  #work = $state.raw<{ what: string; share: number | null } | null>(null);
  #report = $state.raw<ShownReport | null>(null);
  #predictions = $state.raw<Predictions | null>(null);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('library-changed', () => void this.load());
    station.watch('run-changed', ({ state }) => {
      if (state === 'done' || state === 'stopped') void this.load();
    });
    station.watch('model-progress', ({ work, done, total }) => {
      if (this.#work === null) return;
      const words = { preparing: 'Preparing images', evaluating: 'Measuring', predicting: 'Running the model' };
      this.#work = { what: words[work], share: work === 'evaluating' || total === 0 ? null : done / total };
    });
    void this.load();
  }

  /** Newest first; null until the station answered. */
  get models(): readonly Model[] | null {
    return this.#models;
  }

  get shown(): Model | null {
    return this.#models?.find(({ id }) => id === this.#chosen) ?? this.#models?.[0] ?? null;
  }

  get work(): { what: string; share: number | null } | null {
    return this.#work;
  }

  /** Of the model that is shown. */
  get report(): ShownReport | null {
    return this.#report?.model === this.shown?.id ? this.#report : null;
  }

  get predictions(): Predictions | null {
    return this.#predictions?.model === this.shown?.id ? this.#predictions : null;
  }

  choose(id: string): void {
    this.#chosen = id;
  }

  evaluate(model: Model, cohort: string, split: SplitName, by: GroupKind[]): Promise<void> {
    return this.#atWork('Preparing images', async () => {
      const { report } = await this.#station.ask('evaluate-model', { id: model.id, cohort, split, by });
      this.#report = { model: model.id, cohort, split, report };
    });
  }

  run(model: Model, cohort: string, isWritten: boolean): Promise<void> {
    return this.#atWork('Running the model', async () => {
      const write = isWritten ? 'sr' : 'none';
      const found = await this.#station.ask('predict-studies', { id: model.id, cohort, write });
      this.#predictions = { ...found, model: model.id, cohort };
    });
  }

  async cancel(): Promise<void> {
    await this.#try(() => this.#station.ask('cancel-model-work', {}));
  }

  async export(model: Model, file: string): Promise<void> {
    const format = file.toLowerCase().endsWith('.onnx') ? 'onnx' : 'imagiq';
    const written = await this.#try(() => this.#station.ask('export-model', { id: model.id, file, format }));
    if (written) this.#toasts.tell(`The model was written to ${written.file}.`);
  }

  async import(file: string): Promise<void> {
    const model = await this.#try(() => this.#station.ask('import-model', { file }));
    if (!model) return;
    this.#chosen = model.id;
    this.#toasts.tell(
      `${model.network} of ${model.author?.site ?? 'another site'} was taken in; its signature is right.`,
    );
  }

  async delete(model: Model): Promise<void> {
    if (await this.#try(() => this.#station.ask('delete-model', { id: model.id }))) {
      this.#toasts.tell(`${model.network} ${model.id.slice(0, 6)} was deleted.`);
    }
  }

  async load(): Promise<void> {
    const answer = await this.#try(() => this.#station.ask('models', {}));
    if (answer) this.#models = answer.models;
  }

  async #atWork(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#work !== null) return;
    this.#work = { what, share: null };
    await this.#try(work);
    this.#work = null;
  }

  async #try<Value>(act: () => Promise<Value>): Promise<Value | null> {
    try {
      return await act();
    } catch (fault) {
      this.#toasts.fault(fault);
      return null;
    }
  }
}

/** `12 images, 3 of them nodule`. */
export function predictionWords({ images, classes }: Predictions): string {
  const parts = classes
    .map((name) => ({ name, count: images.filter((image) => image.class === name).length }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${name} ${count}`);
  return `${counted(images.length, 'image')}: ${parts.join(', ')}`;
}
