// A command's way to a station: opened here when the home folder is free, else over the local socket of the one that has it.
import { EventEmitter } from 'node:events';
import {
  type CallInput,
  type CallName,
  type CallOutput,
  calls,
  type EventName,
  type EventValue,
} from '../contract/calls.ts';
import { Fault } from '../contract/fault.ts';
import { stationAnswers } from '../station/answer.ts';
import { connectLocalStation, type LocalDoor, serveLocalStation } from '../station/local-socket.ts';
import { openStation } from '../station/open-station.ts';

export interface StationLink {
  call<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>>;
  /** Listens to news; returns the way to stop listening. */
  listen<N extends EventName>(event: N, listener: (value: EventValue<N>) => void): () => void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly home: string;
  readonly idleShare?: number;
  readonly threads?: number;
}

/** Code of the fault that another process has the home folder. */
const homeInUseCode = 601;

/** Opens the station of a home folder, or joins the one that is running on it. */
export async function linkStation(options: LinkOptions): Promise<StationLink> {
  const news = new EventEmitter();
  const listen: StationLink['listen'] = (event, listener) => {
    const heard = listener as (value: unknown) => void;
    news.on(event, heard);
    return () => news.off(event, heard);
  };
  const onEvent = (event: EventName, value: unknown): void => void news.emit(event, value);
  let local: LocalDoor | null = null;
  try {
    const station = await openStation({
      ...options,
      onEvent: (event, value) => {
        onEvent(event, value);
        local?.tell(event, value);
      },
    });
    const answer = stationAnswers(station);
    local = await serveLocalStation(station.home.folder, answer).catch(async (error: unknown) => {
      await station.close();
      throw error;
    });
    return {
      call: async (name, input) => decode(name, await answer(name, input)),
      listen,
      async close() {
        await local?.close();
        await station.close();
      },
    };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== homeInUseCode) throw error;
    const remote = await connectLocalStation(options.home, onEvent).catch(() => null);
    if (!remote) throw error;
    return { call: async (name, input) => decode(name, await remote.call(name, input)), listen, close: remote.close };
  }
}

function decode<N extends CallName>(name: N, value: unknown): CallOutput<N> {
  // zod's inferred output of a table looked up by a type parameter is not narrowed to that entry by TypeScript.
  return calls[name].out.parse(value) as CallOutput<N>;
}
