// Keeps one membership connected: dials, waits for the end, dials again with growing random pauses. Nothing else waits for it.
import { Fault, faultValueOf } from '../../contract/fault.ts';
import { retryDelayMs } from '../protocol/backoff.ts';
import { closeCodes, type Channel } from '../protocol/channel.ts';
import { passing } from '../protocol/faults.ts';
import { HubRefusal } from '../protocol/handshake.ts';

export interface Link {
  /** Tries again at once if it is waiting. */
  hurry(): void;
  close(): Promise<void>;
}

export function openLink(order: {
  /** Connects and opens the channel. */
  readonly connect: () => Promise<Channel>;
  readonly onUp: (channel: Channel) => void;
  /** `isFinal`: the hub itself said that this site may not come back, and the link ends. Every other fault passes. */
  readonly onDown: (fault: Fault, isFinal: boolean) => void;
  readonly random: () => number;
  /** A connection that is open already. */
  readonly first: Channel | null;
}): Link {
  const closing = new AbortController();
  let current: Channel | null = order.first;
  let wake = (): void => {};

  const run = async (): Promise<void> => {
    for (let attempt = 0; !closing.signal.aborted; attempt += 1) {
      let fault: Fault;
      try {
        current ??= await order.connect();
        if (closing.signal.aborted) return current.close(closeCodes.goingAway, 'closing');
        order.onUp(current);
        fault = await current.ended;
        // One that broke the rules may do so each time: it is not come back to at once.
        if (fault.retry !== 'never') attempt = -1;
      } catch (thrown) {
        fault = thrown instanceof Fault ? thrown : new Fault(faultValueOf(thrown), thrown);
      }
      current = null;
      if (closing.signal.aborted) return;
      const isFinal = fault instanceof HubRefusal && fault.retry === 'never';
      try {
        order.onDown(isFinal ? fault : passing(fault), isFinal);
      } catch {
        // A full disk: what was to be kept is kept with the next change. The connection must come back all the same.
      }
      if (isFinal) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, retryDelayMs(Math.max(attempt, 0), order.random));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = run();
  return {
    hurry: () => wake(),
    async close() {
      closing.abort();
      current?.close(closeCodes.goingAway, 'the site is closing');
      wake();
      await running;
    },
  };
}
