// Who hears the hub's news: its counters, its health, the console's live line, and whoever watches.
import type { HubNews } from './hub-news.ts';
import { type HubHealth, openHubHealth } from './hub-health.ts';
import { type HubMetrics, openHubMetrics } from './hub-metrics.ts';
import { type LiveLine, openLiveLine } from './console/live.ts';

export interface HubTelling {
  tell(news: HubNews): void;
  /** Calls `listener` with each piece of news; the result ends that. */
  watch(listener: (news: HubNews) => void): () => void;
  /** Since the start. */
  refusedUpdates(): number;
  readonly metrics: HubMetrics;
  readonly health: HubHealth;
  readonly live: LiveLine;
  close(): void;
}

/** `onNews` hears from the first piece on. */
export function openHubTelling(clock: () => number, onNews?: (news: HubNews) => void): HubTelling {
  const listeners = new Set<(news: HubNews) => void>(onNews === undefined ? [] : [onNews]);
  const metrics = openHubMetrics(clock());
  const health = openHubHealth(clock);
  const live = openLiveLine();
  let refusedUpdates = 0;
  return {
    tell(news) {
      if (news.kind === 'update-refused') refusedUpdates += 1;
      for (const part of [metrics, health]) part.take(news);
      live.tell(news);
      for (const listener of listeners) {
        try {
          listener(news);
        } catch {
          // A log that cannot be written must not keep the hub from serving.
        }
      }
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refusedUpdates: () => refusedUpdates,
    metrics,
    health,
    live,
    close() {
      live.close();
      metrics.close();
    },
  };
}
