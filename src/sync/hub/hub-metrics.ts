// What Prometheus reads at /metrics: counters since the process began, and how things stand now. Numbers only: no site is named.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { HubNews } from './hub-news.ts';

/** How things stand at the moment of the reading. */
export interface HubGauges {
  readonly connections: number;
  readonly members: number;
  /** Null without a project. */
  readonly trunkVersion: number | null;
  readonly bufferedUpdates: number;
  /** Of the oldest update in the buffer, in commits. */
  readonly bufferedStalenessCommits: number;
  readonly blobBytes: number;
  readonly freeBytes: number;
  readonly isDegraded: boolean;
}

export interface HubMetrics {
  take(news: HubNews): void;
  /** Bytes on the wire to and from sites. */
  traffic(sentBytes: number, receivedBytes: number): void;
  /** How late the event loop was in the last whole window of ten seconds, in seconds: the 99th percentile. */
  lagSeconds(): number;
  sentBytes(): number;
  receivedBytes(): number;
  /** Prometheus text format 0.0.4. */
  text(gauges: HubGauges): string;
  close(): void;
}

const lagResolutionMs = 20;
const lagWindowMs = 10_000;
const nanosecondsPerSecond = 1e9;

export function openHubMetrics(startedAt: number): HubMetrics {
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  lag.enable();
  const counts = { accepted: 0, duplicate: 0, commits: 0, commitFailures: 0, failures: 0, models: 0, sent: 0, got: 0 };
  const refusedUpdates = new Map<number, number>();
  const refusedSites = new Map<number, number>();
  const add = (to: Map<number, number>, code: number): void => void to.set(code, (to.get(code) ?? 0) + 1);
  /** The timer itself takes its resolution: only what is beyond it is lag. */
  const late = (percentile: number): number =>
    Math.max(0, lag.percentile(percentile) / nanosecondsPerSecond - lagResolutionMs / 1_000);
  let window = { half: 0, most: 0, longest: 0 };
  const windows = setInterval(() => {
    window = { half: late(50), most: late(99), longest: late(100) };
    lag.reset();
  }, lagWindowMs).unref();

  return {
    take(news) {
      switch (news.kind) {
        case 'update-accepted':
          if (news.isDuplicate) counts.duplicate += 1;
          else counts.accepted += 1;
          return;
        case 'update-refused':
          return add(refusedUpdates, news.fault.code);
        case 'site-refused':
          return add(refusedSites, news.fault.code);
        case 'trunk-committed':
          counts.commits += 1;
          return;
        case 'commit-failed':
          counts.commitFailures += 1;
          return;
        case 'failed':
          counts.failures += 1;
          return;
        case 'model-published':
          counts.models += 1;
          return;
        default:
      }
    },
    traffic(sentBytes, receivedBytes) {
      counts.sent += sentBytes;
      counts.got += receivedBytes;
    },
    lagSeconds: () => window.most,
    sentBytes: () => counts.sent,
    receivedBytes: () => counts.got,
    text(gauges) {
      const lines: string[] = [];
      const metric = (name: string, type: 'counter' | 'gauge', help: string, ...values: [labels: string, number][]) => {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
        for (const [labels, value] of values) lines.push(`${name}${labels} ${value}`);
      };
      const one = (value: number): [string, number] => ['', value];
      const byFault = (of: Map<number, number>): [string, number][] =>
        [...of].map(([code, value]) => [`{fault="${code}"}`, value]);
      metric('imagiq_hub_connections', 'gauge', 'Sites that are connected.', one(gauges.connections));
      metric('imagiq_hub_members', 'gauge', 'Members of the federation.', one(gauges.members));
      metric('imagiq_hub_trunk_version', 'gauge', 'The newest trunk version.', one(gauges.trunkVersion ?? 0));
      metric('imagiq_hub_commits_total', 'counter', 'Trunk commits.', one(counts.commits));
      metric('imagiq_hub_commit_failures_total', 'counter', 'Commits that failed.', one(counts.commitFailures));
      metric('imagiq_hub_updates_accepted_total', 'counter', 'Updates accepted.', one(counts.accepted));
      metric(
        'imagiq_hub_updates_duplicate_total',
        'counter',
        'Updates sent again, counted once.',
        one(counts.duplicate),
      );
      metric('imagiq_hub_updates_refused_total', 'counter', 'Updates refused, by fault.', ...byFault(refusedUpdates));
      metric('imagiq_hub_sites_refused_total', 'counter', 'Sites not let in, by fault.', ...byFault(refusedSites));
      metric('imagiq_hub_failures_total', 'counter', 'Unexpected failures.', one(counts.failures));
      metric('imagiq_hub_models_published_total', 'counter', 'Models that sites shared.', one(counts.models));
      metric('imagiq_hub_buffered_updates', 'gauge', 'Updates waiting for a commit.', one(gauges.bufferedUpdates));
      metric(
        'imagiq_hub_buffered_staleness_commits',
        'gauge',
        'Staleness of the oldest update that waits.',
        one(gauges.bufferedStalenessCommits),
      );
      metric('imagiq_hub_sent_bytes_total', 'counter', 'Bytes sent to sites.', one(counts.sent));
      metric('imagiq_hub_received_bytes_total', 'counter', 'Bytes received from sites.', one(counts.got));
      metric('imagiq_hub_blob_bytes', 'gauge', 'Bytes of the stored blobs.', one(gauges.blobBytes));
      metric('imagiq_hub_disk_free_bytes', 'gauge', 'Bytes free where the blobs are.', one(gauges.freeBytes));
      metric('imagiq_hub_degraded', 'gauge', '1 while /healthz says degraded.', one(gauges.isDegraded ? 1 : 0));
      metric(
        'imagiq_hub_event_loop_lag_seconds',
        'gauge',
        'How late the event loop was in the last ten seconds.',
        ['{quantile="0.5"}', window.half],
        ['{quantile="0.99"}', window.most],
        ['{quantile="1"}', window.longest],
      );
      metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', one(process.memoryUsage.rss()));
      metric('process_start_time_seconds', 'gauge', 'When the process began.', one(startedAt / 1_000));
      return `${lines.join('\n')}\n`;
    },
    close() {
      clearInterval(windows);
      lag.disable();
    },
  };
}
