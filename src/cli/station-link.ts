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
import { homeInUseCode } from '../station/faults.ts';
import { connectLocalStation, type LocalDoor, serveLocalStation } from '../station/local-socket.ts';
import type { OnPreparing } from '../station/library/database.ts';

export interface StationLink {
  /** `signal` abandons it; it still ends with an answer or a fault. */
  call<N extends CallName>(name: N, input: CallInput<N>, signal?: AbortSignal): Promise<CallOutput<N>>;
  /** Listens to news; returns the way to stop listening. */
  listen<N extends EventName>(event: N, listener: (value: EventValue<N>) => void): () => void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly home: string;
  readonly idleShare?: number;
  readonly threads?: number;
  /** Called with each step of preparing an older index. */
  readonly onPreparing?: OnPreparing;
  /** Called when closing has to wait for other commands that use this station. */
  readonly onGuests?: () => void;
}

/**
 * How long a home folder may be owned by a station that does not answer: one that is just opening or closing. Longer, and it
 * is a program that will not let go.
 */
const joinWaitMs = 15_000;
const joinLookEveryMs = 100;

/**
 * Opens the station of a home folder, or joins the one that is running on it.
 * @throws Fault 601 when its owner neither answers nor goes; the station's own when it cannot be opened.
 */
export async function linkStation(options: LinkOptions): Promise<StationLink> {
  const deadline = Date.now() + joinWaitMs;
  for (;;) {
    try {
      return await ownStation(options);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== homeInUseCode) throw error;
      const joined = await joinStation(options.home).catch(() => null);
      if (joined !== null) return joined;
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, joinLookEveryMs));
    }
  }
}

async function ownStation(options: LinkOptions): Promise<StationLink> {
  // A hub's commands and a wrong word need no station: it is loaded where one opens.
  const [{ openStation }, { stationAnswers }] = await Promise.all([
    import('../station/open-station.ts'),
    import('../station/answer.ts'),
  ]);
  const news = new EventEmitter();
  let door: LocalDoor | null = null;
  const station = await openStation({
    ...options,
    onEvent: (event, value) => {
      news.emit(event, value);
      door?.tell(event, value);
    },
  });
  const answer = stationAnswers(station);
  door = await serveLocalStation(station.home.folder, answer).catch(async (error: unknown) => {
    await station.close();
    throw error;
  });
  const { guests, closeWhenAlone } = door;
  return {
    call: async (name, input, signal) => decode(name, await answer(name, input, signal)),
    listen: listenTo(news),
    async close() {
      // A long command may have joined this short one: its work is not cut.
      if (guests() > 0) options.onGuests?.();
      await closeWhenAlone();
      await station.close();
    },
  };
}

async function joinStation(home: string): Promise<StationLink> {
  const news = new EventEmitter();
  const remote = await connectLocalStation(home, (event, value) => void news.emit(event, value));
  return {
    call: async (name, input, signal) => decode(name, await remote.call(name, input, signal)),
    listen: listenTo(news),
    close: remote.close,
  };
}

function listenTo(news: EventEmitter): StationLink['listen'] {
  return (event, listener) => {
    const heard = listener as (value: unknown) => void;
    news.on(event, heard);
    return () => news.off(event, heard);
  };
}

function decode<N extends CallName>(name: N, value: unknown): CallOutput<N> {
  // zod's inferred output of a table looked up by a type parameter is not narrowed to that entry by TypeScript.
  return calls[name].out.parse(value) as CallOutput<N>;
}
