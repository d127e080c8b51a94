// Where a classifier looked: the model that the reader chose, and its heat map of the frame that is shown.
import type { CallArguments, CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Model } from '../../contract/model.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { StackItem } from './stack.ts';

export type HeatOrder = CallArguments<'heat-map'>;

export interface HeatMap extends CallOutput<'heat-map'> {
  readonly order: HeatOrder;
  readonly model: Model;
}

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
  #wanted: HeatOrder | null = null;

  constructor(station: StationLink) {
    this.#station = station;
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

  /** Asks for one map at a time; while one is on its way, only the newest order waits. */
  async follow(order: HeatOrder | null): Promise<void> {
    const isHere = order !== null && this.#map !== null && isSame(order, this.#map.order);
    this.#wanted = isHere ? null : order;
    this.#problem = null;
    if (this.#isAsking) return;
    while (this.#wanted !== null) {
      const asked: HeatOrder = this.#wanted;
      this.#isAsking = true;
      const model = this.#models?.find(({ id }) => id === asked.id);
      try {
        const answer = await this.#station.ask('heat-map', asked);
        if (this.#wanted === asked && model) this.#map = { ...answer, order: asked, model };
      } catch (thrown) {
        if (this.#wanted === asked) this.#problem = faultValueOf(thrown).message;
      }
      if (this.#wanted === asked) this.#wanted = null;
      this.#isAsking = false;
    }
  }
}

function isSame(one: HeatOrder, other: HeatOrder): boolean {
  return (
    one.id === other.id &&
    one.sopInstanceUID === other.sopInstanceUID &&
    one.frame === other.frame &&
    one.class === other.class
  );
}
