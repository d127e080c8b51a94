// The peers that this station knows, which one is chosen, and whether it answers.
import { faultValueOf } from '../../contract/fault.ts';
import type { Peer } from '../../contract/pacs.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

/** What “Test connection” found. */
export type EchoResult =
  | { readonly state: 'asking' }
  | { readonly state: 'answered'; readonly milliseconds: number }
  | { readonly state: 'failed'; readonly message: string };

export class Peers {
  #list = $state.raw<readonly Peer[] | null>(null);
  #chosenName = $state<string | null>(null);
  #echoes = $state.raw<ReadonlyMap<string, EchoResult>>(new Map());
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
  }

  /** By name; null until the station answered. */
  get list(): readonly Peer[] | null {
    return this.#list;
  }

  get chosen(): Peer | null {
    return this.#list?.find(({ name }) => name === this.#chosenName) ?? this.#list?.[0] ?? null;
  }

  /** Of this peer, since it was last saved. */
  echo(name: string): EchoResult | null {
    return this.#echoes.get(name) ?? null;
  }

  choose(name: string): void {
    this.#chosenName = name;
  }

  async reload(): Promise<void> {
    try {
      this.#list = (await this.#station.ask('peers', {})).peers;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** Resolves with what is wrong with it, for a person; null when it was saved. */
  async save(peer: Peer): Promise<string | null> {
    try {
      await this.#station.ask('save-peer', { peer });
    } catch (fault) {
      return faultValueOf(fault).message;
    }
    this.#tellEcho(peer.name, null);
    await this.reload();
    this.choose(peer.name);
    return null;
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#station.ask('delete-peer', { peer: name });
      this.#tellEcho(name, null);
    } catch (fault) {
      this.#toasts.fault(fault);
    }
    await this.reload();
  }

  async test(name: string): Promise<void> {
    this.#tellEcho(name, { state: 'asking' });
    try {
      const { milliseconds } = await this.#station.ask('echo-peer', { peer: name });
      this.#tellEcho(name, { state: 'answered', milliseconds });
    } catch (fault) {
      this.#tellEcho(name, { state: 'failed', message: faultValueOf(fault).message });
    }
  }

  #tellEcho(name: string, result: EchoResult | null): void {
    const echoes = new Map(this.#echoes);
    if (result === null) echoes.delete(name);
    else echoes.set(name, result);
    this.#echoes = echoes;
  }
}

/** Where a peer is, in one line. */
export function addressOf(peer: Peer): string {
  if (peer.kind === 'dicomweb') return peer.url;
  return `${peer.aeTitle} @ ${peer.host}:${peer.port}${peer.isTls ? ' (TLS)' : ''}`;
}
