// A stand-in for the station: its answers by the name of the call, and its news.
import type { CallName } from '../../../src/contract/calls.ts';
import type { StationLink } from '../../../src/renderer/bridge/station-link.ts';

export interface StationStandIn {
  readonly link: StationLink;
  /** Tells it to whoever watches. */
  tell(event: string, value: unknown): void;
}

/** @param answers by call; one that is missing, or that throws, is refused */
export function stationStandIn(answers: Partial<Record<CallName, (input: never) => unknown>>): StationStandIn {
  const listeners: { readonly event: string; readonly listener: (value: never) => void }[] = [];
  const link: StationLink = {
    async ask(name, input) {
      const answer = answers[name];
      if (answer === undefined) throw new Error(`${name} was not expected`);
      return answer(input as never) as never;
    },
    watch(event, listener) {
      listeners.push({ event, listener });
      return () => {};
    },
  };
  const tell = (event: string, value: unknown): void => {
    for (const one of listeners) if (one.event === event) one.listener(value as never);
  };
  return { link, tell };
}
