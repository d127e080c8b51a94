// Where a classifier looked: the model that the reader chose, and its heat map of the frame that is shown.
import type { CallArguments, CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Model } from '../../contract/model.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { RecentAnswers } from './recent-answers.ts';
import type { StackItem } from './stack.ts';

export type HeatOrder = CallArguments<'heat-map'>;

export interface HeatMap extends CallOutput<'heat-map'> {
  readonly order: HeatOrder;
  readonly model: Model;
}

/** Maps that were computed stay at hand, so that going back and forth between images computes none again. */
const keptBytes = 64 * 2 ** 20;

export class HeatMaps {
  readonly #station: StationLink;
  /** Those that tell classes; null until the station answered. */
  #models = $state.raw<readonly Model[] | null>(null);
  #chosenId = $state<string | null>(null);
  /** Index into the model's classes; null for the most probable one. */
  #classIndex = $state<number | null>(null);
  #areShown = $state(false);
  #opacity = $state(0.5);
  #map = $state.raw<HeatMap | null>(null);
  #problem = $state<string | null>(null);
  #isAsking = $state(false);
  /** Of the map under way; null until the station tells it. */
  #share = $state<number | null>(null);
  /** Aborted when another map is wanted, or none. */
  #asking = new AbortController();
  #wanted: HeatOrder | null = null;
  readonly #kept = new RecentAnswers<HeatMap>(keptBytes, ({ heat }) => heat.length);

  constructor(station: StationLink) {
    this.#station = station;
    station.watch('model-progress', ({ work, done, total }) => {
      if (work === 'heat' && this.#isAsking) this.#share = total > 0 ? done / total : null;
    });
  }

  get models(): readonly Model[] | null {
    return this.#models;
  }

  get model(): Model | null {
    return this.#models?.find(({ id }) => id === this.#chosenId) ?? this.#models?.[0] ?? null;
  }

  get classIndex(): number | null {
    return this.#classIndex;
  }

  get areShown(): boolean {
    return this.#areShown;
  }

  get opacity(): number {
    return this.#opacity;
  }

  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** How far the map under way is, 0 to 1; null while that is not known. */
  get share(): number | null {
    return this.#share;
  }

  /** Why there is no map, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Of this very frame by the model and class that are chosen now; a map of another is never shown over it. */
  mapOf(item: StackItem | null): HeatMap | null {
    const order = this.orderFor(item);
    return order !== null && this.#map !== null && isSame(this.#map.order, order) ? this.#map : null;
  }

  /** What to ask for a frame; null while maps are off. */
  orderFor(item: StackItem | null): HeatOrder | null {
    const { model } = this;
    if (!this.#areShown || model === null || item === null) return null;
    const { sopInstanceUID } = item.instance;
    return { id: model.id, sopInstanceUID, frame: item.frame, class: this.#classIndex };
  }

  async loadModels(): Promise<void> {
    try {
      const { models } = await this.#station.ask('models', {});
      this.#models = models.filter(({ task }) => task !== 'segmentation');
    } catch (thrown) {
      this.#problem = faultValueOf(thrown).message;
    }
  }

  choose(id: string): void {
    this.#chosenId = id;
    this.#classIndex = null;
  }

  chooseClass(index: number | null): void {
    this.#classIndex = index;
  }

  toggle(): void {
    this.#areShown = !this.#areShown;
  }

  setOpacity(opacity: number): void {
    this.#opacity = opacity;
  }

  /** Ends the map under way and shows none until the reader asks again. */
  cancel(): void {
    this.#areShown = false;
    this.#wanted = null;
    this.#asking.abort();
  }

  /** Asks for one map at a time: the one under way is abandoned for the newest. */
  async follow(order: HeatOrder | null): Promise<void> {
    const isHere = order !== null && this.#map !== null && isSame(order, this.#map.order);
    const isUnderWay = order !== null && this.#wanted !== null && isSame(order, this.#wanted);
    this.#problem = null;
    if (isUnderWay) return;
    this.#wanted = isHere ? null : order;
    if (this.#isAsking) return this.#asking.abort();
    while (this.#wanted !== null) {
      const asked: HeatOrder = this.#wanted;
      this.#asking = new AbortController();
      this.#isAsking = true;
      this.#share = null;
      try {
        const map = await this.#kept.get(nameOf(asked), () => this.#compute(asked));
        if (this.#wanted === asked) this.#map = map;
      } catch (thrown) {
        if (this.#wanted === asked) this.#problem = faultValueOf(thrown).message;
      }
      if (this.#wanted === asked) this.#wanted = null;
      this.#isAsking = false;
    }
  }

  async #compute(order: HeatOrder): Promise<HeatMap> {
    const model = this.#models?.find(({ id }) => id === order.id);
    const answer = await this.#station.ask('heat-map', order, this.#asking.signal);
    // Only models of the list can be chosen.
    return { ...answer, order, model: model! };
  }
}

const nameOf = ({ id, sopInstanceUID, frame, class: index }: HeatOrder): string =>
  `${id} ${sopInstanceUID} ${frame} ${index}`;

const isSame = (one: HeatOrder, other: HeatOrder): boolean => nameOf(one) === nameOf(other);
