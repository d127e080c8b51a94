// Decoded frames near the ones that are shown, and where each lies.
import type { CallOutput } from '../../contract/calls.ts';
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { RecentAnswers } from './recent-answers.ts';

type SeriesInstances = CallOutput<'instances'>;

export const frameStoreBytes = 320 * 1024 * 1024;

export class FrameStore {
  readonly #station: StationLink;
  readonly #frames = new RecentAnswers<Frame>(frameStoreBytes, ({ pixels }) => pixels.byteLength);
  readonly #series = new Map<string, Promise<SeriesInstances>>();
  /** Small, and wanted before there are pixels and after they are gone. */
  readonly #geometries = new Map<string, FrameGeometry>();

  readonly #learnt = new Set<string>();

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

  /** @throws Fault when the frame cannot be decoded. `frame` counts from 1. */
  frame(sopInstanceUID: string, frame: number): Promise<Frame> {
    const key = `${sopInstanceUID}/${frame}`;
    return this.#frames.get(key, async () => {
      const decoded = await this.#station.ask('frame', { sopInstanceUID, frame });
      this.#geometries.set(key, decoded.geometry);
      return decoded;
    });
  }

  /** Whether a frame is here or on its way. */
  has(sopInstanceUID: string, frame: number): boolean {
    return this.#frames.has(`${sopInstanceUID}/${frame}`);
  }

  /** Learns where every frame of a series lies, once; without an answer that is known of decoded frames alone. */
  async learnGeometry(seriesInstanceUID: string): Promise<void> {
    if (this.#learnt.has(seriesInstanceUID)) return;
    this.#learnt.add(seriesInstanceUID);
    try {
      const { frames } = await this.#station.ask('series-geometry', { seriesInstanceUID });
      for (const { sopInstanceUID, frame, geometry } of frames)
        this.#geometries.set(`${sopInstanceUID}/${frame}`, geometry);
    } catch {
      this.#learnt.delete(seriesInstanceUID);
    }
  }

  /** Undefined until the frame was decoded once, or its series was learnt. */
  geometryOf(sopInstanceUID: string, frame: number): FrameGeometry | undefined {
    return this.#geometries.get(`${sopInstanceUID}/${frame}`);
  }
}
