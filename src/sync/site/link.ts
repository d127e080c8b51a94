// Keeps one membership connected: dials, waits for the end, dials again with growing random pauses. Nothing else waits for it.
import { Fault, faultValueOf } from '../../contract/fault.ts';
import { retryDelayMs } from '../protocol/backoff.ts';
import { closeCodes, type Channel } from '../protocol/channel.ts';

export interface Link {
  /** Tries again at once if it is waiting. */
  hurry(): void;
  close(): Promise<void>;
}

export function openLink(order: {
  /** Connects and opens the channel. */
  readonly connect: () => Promise<Channel>;
  readonly onUp: (channel: Channel) => void;
  /** `retry: 'never'` ends the link. */
  readonly onDown: (fault: Fault) => void;
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
        attempt = -1;
      } catch (thrown) {
        fault = thrown instanceof Fault ? thrown : new Fault(faultValueOf(thrown), thrown);
      }
      current = null;
      if (closing.signal.aborted) return;
      order.onDown(fault);
      if (fault.retry === 'never') return;
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
