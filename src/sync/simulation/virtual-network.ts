// Lines in memory that stand for the network between a site and the hub: each has a latency and a bandwidth, in virtual time. The bytes
// on them are those of real WebSockets; what breaks is the line, as TCP has it, never a byte.
import { Agent, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { VirtualClock } from './virtual-clock.ts';

export interface LineQuality {
  /** One way. */
  readonly latencyMs: number;
  /** Of each direction. */
  readonly bytesPerMs: number;
}

export interface SiteNetwork {
  /** For the site's WebSocket: every connection that it opens is such a line to the hub. */
  readonly agent: Agent;
  /** Breaks the open line, if there is one, without a goodbye. @returns whether there was one. */
  cut(): boolean;
  /** While false, connecting fails and the open line is broken. */
  setReachable(isReachable: boolean): void;
}

export interface VirtualNetwork {
  siteNetwork(quality: LineQuality): SiteNetwork;
  /** Where the lines lead; null while the hub is down, which breaks all of them. */
  setHub(server: Pick<Server, 'emit'> | null): void;
}

export function openVirtualNetwork(clock: VirtualClock): VirtualNetwork {
  let hub: Pick<Server, 'emit'> | null = null;
  const cuts = new Set<() => boolean>();
  return {
    siteNetwork(quality) {
      let isReachable = true;
      let open: LineEnd | null = null;
      const cut = (): boolean => {
        if (open === null || open.destroyed) return false;
        open.breakLine();
        open = null;
        return true;
      };
      cuts.add(cut);
      const agent = new Agent();
      Object.assign(agent, {
        createConnection(): Duplex {
          const near = new LineEnd(clock, quality);
          const far = new LineEnd(clock, quality);
          near.join(far);
          open = near;
          if (hub === null || !isReachable) {
            const refused: NodeJS.ErrnoException = new Error('nobody there');
            refused.code = 'ECONNREFUSED';
            setTimeout(() => near.destroy(refused), 2 * quality.latencyMs);
          } else hub.emit('connection', far);
          return near;
        },
      });
      return {
        agent,
        cut,
        setReachable(value) {
          isReachable = value;
          if (!value) cut();
        },
      };
    },
    setHub(server) {
      hub = server;
      if (server === null) for (const cut of cuts) cut();
    },
  };
}

class LineEnd extends Duplex {
  readonly #clock: VirtualClock;
  readonly #quality: LineQuality;
  #other: LineEnd | null = null;
  /** When the bytes written so far have left. */
  #freeAt = 0;

  constructor(clock: VirtualClock, quality: LineQuality) {
    super({ allowHalfOpen: false, decodeStrings: true, writableHighWaterMark: 64 * 1024 });
    this.#clock = clock;
    this.#quality = quality;
    // A broken line is news for whoever uses it, not for this process.
    this.on('error', () => {});
  }

  join(other: LineEnd): void {
    this.#other = other;
    other.#other = this;
  }

  breakLine(): void {
    const other = this.#other;
    const reset: NodeJS.ErrnoException = new Error('the line was cut');
    reset.code = 'ECONNRESET';
    this.destroy(reset);
    other?.destroy(reset);
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const sentAt = this.#occupy(bytes.length);
    const other = this.#other;
    // A line carries a copy: each end does with its own memory what it likes.
    const carried = Buffer.from(bytes);
    this.#clock.at(sentAt + this.#quality.latencyMs, () => {
      if (other !== null && !other.destroyed) other.push(carried);
    });
    // The next piece is taken when this one has left: so much waits in the sender as it would.
    if (sentAt - this.#clock.now() < 1) process.nextTick(done);
    else this.#clock.at(sentAt, done);
  }

  override _final(done: () => void): void {
    const other = this.#other;
    this.#clock.at(this.#occupy(0) + this.#quality.latencyMs, () => {
      if (other !== null && !other.destroyed) other.push(null);
    });
    done();
  }

  override _read(): void {}

  #occupy(bytes: number): number {
    this.#freeAt = Math.max(this.#freeAt, this.#clock.now()) + bytes / this.#quality.bytesPerMs;
    return this.#freeAt;
  }

  // What http and ws ask of a socket.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
