// What machines that watch the hub read: /healthz and /metrics. Both are open to whoever reaches the port and name no site.
import { reasonOf } from '../../contract/fault.ts';
import type { BlobVolume } from './blob-volume.ts';
import type { HubHealth } from './hub-health.ts';
import { type HttpPart, sendJson } from './hub-http.ts';
import type { HubMetrics } from './hub-metrics.ts';
import type { Members } from './members.ts';
import type { TrunkStore } from './trunk-store.ts';

export interface HubCondition {
  readonly status: 'ok' | 'degraded';
  /** What is amiss, for a person. */
  readonly problems: readonly string[];
  readonly connections: number;
  readonly members: number;
  readonly trunkVersion: number | null;
  readonly bufferedUpdates: number;
  readonly bufferedStalenessCommits: number;
  readonly volume: BlobVolume;
}

/** @returns a reader of the hub's condition; it throws when the rows cannot be read. */
export function openCondition(order: {
  readonly store: TrunkStore;
  readonly members: Members;
  readonly online: () => ReadonlySet<string> | Promise<ReadonlySet<string>>;
  readonly volume: () => Promise<BlobVolume>;
  readonly health: HubHealth;
  readonly metrics: HubMetrics;
}): () => Promise<HubCondition> {
  return async () => {
    const current = await order.store.current();
    const buffered = current === null ? [] : await order.store.buffered(current.projectHash);
    const volume = await order.volume();
    const { freeBytes } = volume;
    const trunkBytes = current?.trunk.bytes ?? 0;
    const problems = order.health.problems({ freeBytes, trunkBytes, lagSeconds: order.metrics.lagSeconds() });
    const trunkVersion = current?.trunk.version ?? null;
    return {
      status: problems.length === 0 ? 'ok' : 'degraded',
      problems,
      connections: (await order.online()).size,
      members: await order.members.count(),
      trunkVersion,
      bufferedUpdates: buffered.length,
      bufferedStalenessCommits: Math.max(0, ...buffered.map(({ baseVersion }) => (trunkVersion ?? 0) - baseVersion)),
      volume,
    };
  };
}

export function watchPart(order: {
  readonly federation: string;
  readonly condition: () => Promise<HubCondition>;
  readonly metrics: HubMetrics;
}): HttpPart {
  return async (_request, response, path) => {
    if (path === '/healthz') {
      try {
        const { status, problems, connections, members, trunkVersion } = await order.condition();
        const { federation } = order;
        sendJson(response, 200, { status, problems, federation, connections, members, trunkVersion });
      } catch (thrown) {
        const problem = `its rows cannot be read: ${reasonOf(thrown)}`;
        sendJson(response, 503, { status: 'unavailable', problems: [problem], federation: order.federation });
      }
      return true;
    }
    if (path !== '/metrics') return false;
    const { volume, status, ...gauges } = await order.condition();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(order.metrics.text({ ...gauges, ...volume, isDegraded: status === 'degraded' }));
    return true;
  };
}
