// Training runs at this site: the live one and the past.
import type { About, CallInput, Run } from '../../contract/calls.ts';
import type { Cohort } from '../../contract/cohort.ts';
import { type Model, modelIdOf } from '../../contract/model.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';
import { RunDraft } from './run-draft.svelte.ts';

export class Training {
  #runs = $state.raw<readonly Run[] | null>(null);
  #damaged = $state.raw<readonly string[]>([]);
  /** The run whose settings the draft has. */
  #drafted: string | null = null;
  #networks = $state.raw<About['networks']>([]);
  #models = $state.raw<readonly Model[]>([]);
  #chosen = $state<string | null>(null);
  #isStarting = $state(false);
  /** The run that is asked for next. */
  readonly draft = new RunDraft();
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('run-changed', (run) => {
      this.#take(run);
      // Done, stopped or failed, it has left a model.
      if (run.outcome !== null) void this.#loadModels();
    });
    station.watch('library-changed', () => void this.#loadModels());
    void this.#load();
  }

  /** Newest first; null until the station answered. */
  get runs(): readonly Run[] | null {
    return this.#runs;
  }

  /** Ids of those whose record cannot be read. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  get networks(): About['networks'] {
    return this.#networks;
  }

  /** Those that can learn the cohort's task. */
  networksFor(cohort: Cohort | undefined): About['networks'] {
    const isSegmented = cohort?.task === 'segmentation';
    return this.#networks.filter(({ task }) => (task === 'segmentation') === isSegmented);
  }

  /** Those that a run on this cohort can go on from: of its task, with all of its classes. */
  modelsFor(cohort: Cohort | undefined): readonly Model[] {
    if (cohort === undefined) return [];
    return this.#models.filter(
      ({ task, classes }) => task === cohort.task && cohort.classes.every(({ name }) => classes.includes(name)),
    );
  }

  /** The one that came out of the run; undefined where none did, or it was deleted. */
  modelOf({ outcome }: Run): Model | undefined {
    return outcome === null ? undefined : this.#models.find(({ id }) => id === modelIdOf(outcome.weightsFile));
  }

  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** The run that is shown: the chosen one, else the newest. */
  get shown(): Run | null {
    return this.#runs?.find((run) => run.id === this.#chosen) ?? this.#runs?.[0] ?? null;
  }

  get hasLiveRun(): boolean {
    return this.#runs?.some((run) => run.state === 'running') ?? false;
  }

  choose(id: string): void {
    this.#chosen = id;
  }

  /** @throws the station's refusal */
  async start(input: CallInput<'start-run'>): Promise<void> {
    this.#isStarting = true;
    try {
      const { id } = await this.#station.ask('start-run', input);
      // News of it came before the answer, and may be newer than it.
      this.#chosen = id;
      // The draft has more of it than the run tells: it stays.
      this.#drafted = id;
    } finally {
      this.#isStarting = false;
    }
  }

  /** The draft of the next run has what the newest run had, whoever began it, and what was typed since. */
  refreshDraft(): void {
    const newest = this.#runs?.[0];
    if (newest === undefined || newest.id === this.#drafted) return;
    this.#drafted = newest.id;
    this.draft.takeFrom(newest);
  }

  async order(call: 'pause-run' | 'resume-run' | 'stop-run', id: string): Promise<void> {
    try {
      await this.#station.ask(call, { id });
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  async delete(id: string): Promise<void> {
    try {
      await this.#station.ask('delete-run', { id });
      this.#runs = (this.#runs ?? []).filter((run) => run.id !== id);
      this.#damaged = this.#damaged.filter((run) => run !== id);
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  #take(run: Run): void {
    const others = (this.#runs ?? []).filter((known) => known.id !== run.id);
    this.#runs = [...others, run].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  async #loadModels(): Promise<void> {
    try {
      this.#models = (await this.#station.ask('models', {})).models;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  async #load(): Promise<void> {
    void this.#loadModels();
    try {
      const [{ runs, damaged }, { networks }] = await Promise.all([
        this.#station.ask('runs', {}),
        this.#station.ask('about', {}),
      ]);
      this.#runs = [...runs].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
      this.#damaged = damaged;
      this.#networks = networks;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }
}
