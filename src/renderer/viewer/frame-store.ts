// Decoded frames near the ones that are shown, and where each lies. Oldest use goes first when the store is full.
import type { CallOutput } from '../../contract/calls.ts';
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';

type SeriesInstances = CallOutput<'instances'>;

export const frameStoreBytes = 320 * 1024 * 1024;

export class FrameStore {
  readonly #station: StationLink;
  /** In order of use: Map keeps insertion order, and a hit is inserted anew. */
  readonly #frames = new Map<string, Promise<Frame>>();
  readonly #sizes = new Map<string, number>();
  readonly #series = new Map<string, Promise<SeriesInstances>>();
  /** Of every frame that was ever decoded here: small, and wanted after the pixels are gone. */
  readonly #geometries = new Map<string, FrameGeometry>();
  #bytes = 0;

  constructor(station: StationLink) {
    this.#station = station;
    station.watch('library-changed', () => this.#series.clear());
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
    const known = this.#frames.get(key);
    if (known) {
      this.#frames.delete(key);
      this.#frames.set(key, known);
      return known;
    }
    const asked = this.#station.ask('frame', { sopInstanceUID, frame });
    this.#frames.set(key, asked);
    asked.then(
      (decoded) => {
        this.#geometries.set(key, decoded.geometry);
        this.#sizes.set(key, decoded.pixels.byteLength);
        this.#bytes += decoded.pixels.byteLength;
        this.#makeRoom();
      },
      () => this.#frames.delete(key),
    );
    return asked;
  }

  /** Whether a frame is here or on its way. */
  has(sopInstanceUID: string, frame: number): boolean {
    return this.#frames.has(`${sopInstanceUID}/${frame}`);
  }

  /** Undefined until the frame was decoded once. */
  geometryOf(sopInstanceUID: string, frame: number): FrameGeometry | undefined {
    return this.#geometries.get(`${sopInstanceUID}/${frame}`);
  }

  #makeRoom(): void {
    for (const key of this.#frames.keys()) {
      if (this.#bytes <= frameStoreBytes) return;
      const size = this.#sizes.get(key);
      // A frame still on the way has no size yet and stays.
      if (size === undefined) continue;
      this.#frames.delete(key);
      this.#sizes.delete(key);
      this.#bytes -= size;
    }
  }
}
