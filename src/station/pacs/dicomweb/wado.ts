// WADO-RS (PS3.18 10.4): instances as multipart/related bodies of Part 10 files, written part by part into the intake.
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Accepted, InstanceIntake } from '../../library/instance-intake.ts';
import { pacsFault } from '../faults.ts';
import type { HttpExchange } from './http-exchange.ts';
import { statusFault } from './json-answer.ts';
import { MultipartError, parseContentType, type PartSink, readMultipart } from './multipart.ts';

export interface WadoPeer {
  readonly name: string;
  readonly http: HttpExchange;
  /** Of one instance. */
  readonly instanceBytesLimit: number;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly intake: InstanceIntake;
  onInstance(accepted: Accepted): void;
}

/** Arrived files whose way into the library is under way while the next ones arrive. */
const acceptsAtOnce = 8;
const dicomType = 'application/dicom';

/**
 * Fetches what lies at `place` (a study, a series or an instance); resolves when all that came is in the library.
 * @throws Fault 657 (not a multipart body of DICOM files), 658 (another status than 200), 668 (nothing is there), 659 (an instance beyond the limit),
 * 660 (the body ended early). What arrived whole before is in the library all the same.
 */
export async function fetchInstances(peer: WadoPeer, place: string, options: FetchOptions): Promise<void> {
  const answer = await peer.http.ask({
    method: 'GET',
    place,
    // Any transfer syntax: files are kept as the peer has them, and not decompressed there.
    accept: `multipart/related; type="${dicomType}"; transfer-syntax=*`,
    signal: options.signal,
  });
  if (answer.status === 204 || answer.status !== 200) {
    answer.drop();
    if ([204, 404, 410].includes(answer.status)) throw pacsFault.notHeld(peer.name);
    throw statusFault(peer.name, answer.status);
  }
  const { type, parameters } = parseContentType(answer.headers['content-type'] ?? '');
  const arrivals = new Arrivals(peer, options);
  try {
    if (type === dicomType) await readSingle(answer.body, arrivals.open());
    else {
      const boundary = parameters.get('boundary') ?? '';
      // RFC 2046 5.1.1: 1 to 70 characters.
      if (type !== 'multipart/related' || boundary === '' || boundary.length > 70) {
        throw pacsFault.notDicom(peer.name, type === '' ? 'it does not say what it is' : `it is ${type.slice(0, 100)}`);
      }
      await readMultipart(answer.body, boundary, (headers) => {
        const part = parseContentType(headers.get('content-type') ?? dicomType);
        if (part.type === dicomType) return arrivals.open();
        throw pacsFault.notDicom(peer.name, `a part of it is ${part.type.slice(0, 100)}`);
      });
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    throw error.isCutOff ? pacsFault.cutOff(peer.name) : pacsFault.notDicom(peer.name, error.message);
  } finally {
    answer.drop();
    await arrivals.settled();
  }
  arrivals.check();
}

async function readSingle(body: AsyncIterable<Buffer>, sink: PartSink): Promise<void> {
  let isWhole = false;
  try {
    for await (const chunk of body) await sink.write(chunk);
    isWhole = true;
    await sink.end();
  } finally {
    if (!isWhole) await sink.abort();
  }
}

/** Arriving files, and their way into the library. */
class Arrivals {
  readonly #peer: WadoPeer;
  readonly #options: FetchOptions;
  readonly #accepting = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;

  constructor(peer: WadoPeer, options: FetchOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  open(): PartSink {
    const { intake } = this.#options;
    const { name, instanceBytesLimit } = this.#peer;
    const file = intake.newFile();
    let handle: FileHandle | null = null;
    let bytes = 0;
    const close = async (): Promise<void> => {
      await handle?.close();
      handle = null;
    };
    return {
      write: async (chunk) => {
        bytes += chunk.length;
        if (bytes > instanceBytesLimit) {
          throw pacsFault.tooLarge(name, `an instance of more than ${Math.round(instanceBytesLimit / 1e6)} MB`);
        }
        handle ??= await open(file, 'w', 0o600);
        for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
      },
      end: async () => {
        if (handle === null) throw pacsFault.notDicom(name, 'a part of it is empty');
        await close();
        await this.#accept(file);
      },
      abort: async () => {
        await close();
        await rm(file, { force: true });
      },
    };
  }

  async #accept(file: string): Promise<void> {
    this.check();
    const accepting = this.#options.intake
      .accept(file)
      .then((accepted) => this.#options.onInstance(accepted))
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => this.#accepting.delete(accepting));
    this.#accepting.add(accepting);
    if (this.#accepting.size >= acceptsAtOnce) await Promise.race(this.#accepting);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#accepting);
  }

  /** Throws what the library threw: a full disk, most likely. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
