// A site that left owes its hub a word: said at each connection until the hub has heard.
import type { Channel } from '../protocol/channel.ts';
import type { MembershipDesk } from './membership-desk.ts';
import { within } from './within.ts';

/** Longer no hub is waited for: it hears of it later. */
const longestMs = 5_000;

export interface Goodbye {
  /** Says it on this line. Never rejects: what fails now is said at the next connection. */
  say(channel: Channel): Promise<void>;
  /** There is no line now, and none will come soon. */
  failed(): void;
  /** @returns whether the hub has heard of it, once that is known; false when it is not within five seconds. */
  heard(): Promise<boolean>;
  /** What is being said has been heard, or could not be, or took too long. */
  settled(): Promise<void>;
}

export function openGoodbye({ state, save }: Pick<MembershipDesk, 'state' | 'save'>): Goodbye {
  let saying: Promise<void> = Promise.resolve();
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
    waiting.clear();
  };
  const ask = async (channel: Channel): Promise<void> => {
    try {
      await channel.ask({ kind: 'leave' });
      state.owesLeave = false;
      save();
    } catch {
      // Said again at the next connection.
    }
    wake();
  };
  return {
    say(channel) {
      saying = ask(channel);
      return saying;
    },
    failed: wake,
    async heard() {
      if (state.owesLeave) await within(longestMs, new Promise<void>((resolve) => waiting.add(resolve)));
      return !state.owesLeave;
    },
    settled: () => within(longestMs, saying),
  };
}
