// What a hub throws away by and by: blobs that were stored and never offered, what it remembers of blobs that were begun, old events.
import { faultValueOf } from '../../contract/fault.ts';
import type { BegunBlobs } from './begun-blobs.ts';
import { sweepEveryMs, unofferedBlobMs } from './blob-sweep.ts';
import { trimEvents } from './event-log.ts';
import type { HubDatabase } from './hub-database.ts';
import type { HubNews } from './hub-news.ts';

/** Once now, then every hour. What fails is told, and done the next time. @returns ends it. */
export async function sweepNowAndThen(order: {
  readonly sweep: () => Promise<number>;
  readonly db: HubDatabase;
  readonly begun: BegunBlobs;
  readonly clock: () => number;
  readonly tell: (news: HubNews) => void;
}): Promise<() => void> {
  const { db, begun, clock, tell } = order;
  const sweep = async (): Promise<void> => {
    try {
      const swept = await order.sweep();
      if (swept > 0) tell({ kind: 'blobs-swept', blobs: swept });
      await trimEvents(db);
      await begun.forgetBefore(clock() - unofferedBlobMs);
    } catch (thrown) {
      tell({ kind: 'failed', site: 'the sweep of unoffered blobs', fault: faultValueOf(thrown) });
    }
  };
  await sweep();
  const timer = setInterval(() => void sweep(), sweepEveryMs).unref();
  return () => clearInterval(timer);
}
