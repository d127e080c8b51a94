// Segmentations and structure sets that refer to a series: which of their regions are shown, and what they show on a frame.
import { SvelteMap } from 'svelte/reactivity';
import type { CallOutput } from '../../contract/calls.ts';
import type { Overlay } from '../../contract/annotation.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { RecentAnswers } from './recent-answers.ts';
import type { StackItem } from './stack.ts';

type Shapes = CallOutput<'overlay-shapes'>;

/** Shapes of one overlay on one frame, with what the reader chose for its regions. */
export interface ShownShapes extends Shapes {
  readonly overlay: Overlay;
}

/** A mask takes a byte for each pixel of its frame. */
const shapesBytes = 128 * 1024 * 1024;

export class Regions {
  readonly #station: StationLink;
  /** By series; null while they are asked for. */
  readonly #overlays = new SvelteMap<string, readonly Overlay[] | null>();
  /** By series and overlay: reasons by ROI. */
  readonly #undrawn = new SvelteMap<string, ReadonlyMap<number, string>>();
  readonly #hidden = new SvelteMap<string, true>();
  readonly #shapes = new RecentAnswers<Shapes>(shapesBytes, bytesOf);
  #opacity = $state(0.45);
  #areShown = $state(false);
  #areFilled = $state(true);
  #problem = $state<string | null>(null);

  constructor(station: StationLink) {
    this.#station = station;
  }

  /** Why the overlays of a series are not known, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  get opacity(): number {
    return this.#opacity;
  }

  get areShown(): boolean {
    return this.#areShown;
  }

  /** Of a series; empty until they are read by `open`. */
  of(seriesInstanceUID: string | undefined): readonly Overlay[] {
    return (seriesInstanceUID === undefined ? null : this.#overlays.get(seriesInstanceUID)) ?? [];
  }

  /** Asks which overlays refer to a series, once. */
  open(seriesInstanceUID: string): void {
    if (this.#overlays.has(seriesInstanceUID)) return;
    this.#overlays.set(seriesInstanceUID, null);
    this.#station
      .ask('overlays', { seriesInstanceUID })
      .then(({ overlays }) => {
        this.#overlays.set(seriesInstanceUID, overlays);
        this.#problem = null;
      })
      .catch((fault: unknown) => {
        this.#overlays.delete(seriesInstanceUID);
        this.#problem = faultValueOf(fault).message;
      });
  }

  /** Why an ROI is on no image of the series, a clause; null where it is on one, or until `findUndrawn` has answered. */
  whyUndrawn(seriesInstanceUID: string | undefined, overlay: Overlay, region: number): string | null {
    return this.#undrawn.get(`${seriesInstanceUID}/${overlay.sopInstanceUID}`)?.get(region) ?? null;
  }

  /** Asks which ROIs of a structure set are on no image of the series, once. */
  findUndrawn(seriesInstanceUID: string, { kind, sopInstanceUID, regions }: Overlay): void {
    const key = `${seriesInstanceUID}/${sopInstanceUID}`;
    if (kind !== 'RTSTRUCT' || regions.length === 0 || this.#undrawn.has(key)) return;
    this.#undrawn.set(key, new Map());
    this.#station
      .ask('undrawn-regions', { overlayInstanceUID: sopInstanceUID, seriesInstanceUID })
      .then((answer) => this.#undrawn.set(key, new Map(answer.regions.map(({ region, reason }) => [region, reason]))))
      // The image itself says why the structure set cannot be read.
      .catch(() => {});
  }

  isShown(overlay: Overlay, region: number): boolean {
    return !this.#hidden.has(`${overlay.sopInstanceUID}/${region}`);
  }

  toggle(overlay: Overlay, region: number): void {
    const key = `${overlay.sopInstanceUID}/${region}`;
    if (!this.#hidden.delete(key)) this.#hidden.set(key, true);
  }

  toggleAll(): void {
    this.#areShown = !this.#areShown;
  }

  get areFilled(): boolean {
    return this.#areFilled;
  }

  /** Filled, or as outlines alone. */
  toggleFilled(): void {
    this.#areFilled = !this.#areFilled;
  }

  setOpacity(opacity: number): void {
    this.#opacity = Math.max(0.05, Math.min(1, opacity));
  }

  /** What the overlays of a series show on one of its frames, and why one does not: the others are shown all the same. */
  async shapesOn(
    seriesInstanceUID: string,
    { instance, frame }: StackItem,
  ): Promise<{ readonly shapes: readonly ShownShapes[]; readonly problems: readonly string[] }> {
    const problems = new Set<string>();
    const asked = this.of(seriesInstanceUID)
      .filter((overlay) => overlay.regions.some(({ number }) => this.isShown(overlay, number)))
      .map(async (overlay) => {
        try {
          return [{ overlay, ...(await this.#shapesOf(overlay.sopInstanceUID, instance.sopInstanceUID, frame)) }];
        } catch (fault) {
          problems.add(faultValueOf(fault).message);
          return [];
        }
      });
    const shapes = (await Promise.all(asked)).flat();
    return { shapes, problems: [...problems] };
  }

  /**
   * The place nearest to `from` in the stack of a series where a region is drawn; null where it is nowhere, or `isWanted` says no.
   * @throws Fault where the overlay cannot be read.
   */
  async nearest(
    overlay: Overlay,
    region: number,
    stack: readonly StackItem[],
    from: number,
    isWanted: () => boolean,
  ): Promise<number | null> {
    for (const place of outwards(from, stack.length)) {
      if (!isWanted()) return null;
      const { instance, frame } = stack[place]!;
      const { shapes } = await this.#shapesOf(overlay.sopInstanceUID, instance.sopInstanceUID, frame);
      if (shapes.some((shape) => shape.region === region)) return place;
    }
    return null;
  }

  #shapesOf(overlayInstanceUID: string, sopInstanceUID: string, frame: number): Promise<Shapes> {
    const key = `${overlayInstanceUID}/${sopInstanceUID}/${frame}`;
    return this.#shapes.get(key, () =>
      this.#station.ask('overlay-shapes', { overlayInstanceUID, sopInstanceUID, frame }),
    );
  }
}

/** 5 4 6 3 7 …: every place once, the nearest first. */
function outwards(from: number, length: number): number[] {
  return Array.from({ length }, (_, place) => place).sort(
    (one, other) => Math.abs(one - from) - Math.abs(other - from) || one - other,
  );
}

function bytesOf({ shapes }: Shapes): number {
  const sizes = shapes.map(({ mask, polygons }) =>
    polygons.reduce((sum, { byteLength }) => sum + byteLength, mask?.byteLength ?? 0),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
