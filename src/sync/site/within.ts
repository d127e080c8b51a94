import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when it is done, or after so long; rejects as it does. What it goes on to do then nobody hears of. */
export async function within(longestMs: number, done: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const late = delay(longestMs, undefined, { signal: patience.signal }).catch(() => {});
  await Promise.race([done, late]).finally(() => patience.abort());
}
