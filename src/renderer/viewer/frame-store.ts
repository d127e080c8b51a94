// Decoded frames near the ones that are shown, and where each lies.
import type { CallInput, CallOutput } from '../../contract/calls.ts';
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import { bytesHere, filling } from './frame-filling.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { RecentAnswers } from './recent-answers.ts';
import { hasValues } from './window-level.ts';

type Urgency = NonNullable<CallInput<'frame'>['urgency']>;
type SeriesInstances = CallOutput<'instances'>;

/** Red, green and blue; of a large frame what a message holds. */
const forScreen = { colours: 'rgb', size: 'reduced' } as const;

export const frameStoreBytes = 320 * 1024 * 1024;

export class FrameStore {
  readonly #station: StationLink;
  readonly #frames = new RecentAnswers<Frame>(frameStoreBytes, bytesHere);
  readonly #series = new Map<string, Promise<SeriesInstances>>();
  /** Small, and wanted before there are pixels and after they are gone. */
  readonly #geometries = new Map<string, FrameGeometry>();

  /** The large frame that was filled last: the reader comes back to it. */
  #filled: { readonly key: string; readonly frame: Frame } | null = null;
  readonly #learnt = new Map<string, Promise<void>>();
  /** Frames on their way that nobody waited for when they were asked for. */
  readonly #ahead = new Set<string>();

  constructor(station: StationLink) {
    this.#station = station;
    station.watch('library-changed', () => {
      this.#series.clear();
      this.#learnt.clear();
    });
  }

  instances(seriesInstanceUID: string): Promise<SeriesInstances> {
    const known = this.#series.get(seriesInstanceUID);
    if (known) return known;
    const asked = this.#station.ask('instances', { seriesInstanceUID });
    this.#series.set(seriesInstanceUID, asked);
    asked.catch(() => this.#series.delete(seriesInstanceUID));
    return asked;
  }

  /**
   * `ahead`: nobody waits for it yet; asked again without, it goes before what is still ahead. A large frame comes with small copies
   * alone, to be filled.
   * @throws Fault when the frame cannot be decoded. `frame` counts from 1.
   */
  frame(sopInstanceUID: string, frame: number, urgency: Urgency = 'now'): Promise<Frame> {
    const key = `${sopInstanceUID}/${frame}`;
    // The station decodes it once for both, and the first question tells of a fault.
    if (urgency === 'now' && this.#ahead.delete(key))
      this.#station.ask('frame', { sopInstanceUID, frame, ...forScreen }).catch(() => {});
    return this.#frames.get(key, async () => {
      if (urgency === 'ahead') this.#ahead.add(key);
      try {
        const decoded = aligned(await this.#station.ask('frame', { sopInstanceUID, frame, urgency, ...forScreen }));
        this.#geometries.set(key, decoded.geometry);
        return decoded;
      } finally {
        this.#ahead.delete(key);
      }
    });
  }

  /**
   * A large frame with more and more of its pixels, until all are here, or nobody wants it any more; one that has them yields nothing.
   * @throws Fault where it cannot be decoded any more
   */
  async *fill(sopInstanceUID: string, frame: number, head: Frame, isWanted: () => boolean): AsyncGenerator<Frame> {
    const key = `${sopInstanceUID}/${frame}`;
    const known = this.#filled?.key === key ? this.#filled.frame : null;
    if (known) yield known;
    let fuller = known ?? head;
    const ask = async (copy: number, from: number): Promise<Uint8Array | null> => {
      if (!isWanted()) return null;
      const part = this.#station.ask('frame-part', { sopInstanceUID, frame, copy, from, colours: 'rgb' });
      return (await part).bytes;
    };
    for await (fuller of filling(fuller, ask)) yield fuller;
    if (hasValues(fuller) && fuller.reduced) this.#filled = { key, frame: fuller };
  }

  /** A frame with all its pixels, however large. @throws Fault when it cannot be decoded */
  async whole(sopInstanceUID: string, frame: number): Promise<Frame> {
    const decoded = await this.frame(sopInstanceUID, frame);
    return hasValues(decoded)
      ? decoded
      : aligned(await this.#station.ask('frame', { sopInstanceUID, frame, colours: 'rgb' }));
  }

  /** Whether a frame is here or on its way. */
  has(sopInstanceUID: string, frame: number): boolean {
    return this.#frames.has(`${sopInstanceUID}/${frame}`);
  }

  /** Learns where every frame of a series lies, once; without an answer that is known of decoded frames alone. */
  learnGeometry(seriesInstanceUID: string): Promise<void> {
    const known = this.#learnt.get(seriesInstanceUID);
    if (known) return known;
    const learning = this.#learn(seriesInstanceUID).catch(() => {
      this.#learnt.delete(seriesInstanceUID);
    });
    this.#learnt.set(seriesInstanceUID, learning);
    return learning;
  }

  async #learn(seriesInstanceUID: string): Promise<void> {
    const { frames } = await this.#station.ask('series-geometry', { seriesInstanceUID });
    for (const { sopInstanceUID, frame, geometry } of frames)
      this.#geometries.set(`${sopInstanceUID}/${frame}`, geometry);
  }

  /** Undefined until the frame was decoded once, or its series was learnt. */
  geometryOf(sopInstanceUID: string, frame: number): FrameGeometry | undefined {
    return this.#geometries.get(`${sopInstanceUID}/${frame}`);
  }
}

/**
 * Samples of more than a byte can be looked at only where they begin at a multiple of their size. In a message they lie wherever
 * what comes before them ends: copied here once, not at each look.
 */
function aligned(frame: Frame): Frame {
  const { pixels, bits } = frame;
  return pixels.byteOffset % (bits / 8) === 0 ? frame : { ...frame, pixels: pixels.slice() };
}
