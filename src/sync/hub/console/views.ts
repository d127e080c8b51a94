// What the console's pages show, put together from the hub's rows.
import type {
  ConsoleInvite,
  ConsoleMember,
  ConsoleOverview,
  ConsoleProject,
  ConsoleTrunk,
} from '../../../contract/console.ts';
import { sitesAwaited } from '../../aggregation/next-commit.ts';
import type { HubDatabase } from '../hub-database.ts';
import type { HubLedger } from '../hub-ledger.ts';
import type { HubMetrics } from '../hub-metrics.ts';
import { listInvites } from '../invites.ts';
import type { Members } from '../members.ts';
import { answersTo } from '../project-answers.ts';
import type { TrunkStore } from '../trunk-store.ts';
import type { HubCondition } from '../watch-part.ts';

const shown = { ledgerEntries: 40, invites: 200, commits: 200, reports: 1_000 } as const;

export interface ConsoleViews {
  overview(): Promise<ConsoleOverview>;
  members(): Promise<ConsoleMember[]>;
  invites(): Promise<ConsoleInvite[]>;
  /** Null while there is no project. */
  project(): Promise<ConsoleProject | null>;
  trunk(): Promise<ConsoleTrunk>;
}

export function openConsoleViews(order: {
  readonly db: HubDatabase;
  readonly federation: string;
  readonly url: string;
  readonly fingerprint: string;
  readonly store: TrunkStore;
  readonly members: Members;
  readonly ledger: HubLedger;
  readonly metrics: HubMetrics;
  readonly condition: () => Promise<HubCondition>;
  readonly online: () => ReadonlySet<string> | Promise<ReadonlySet<string>>;
  readonly refusedUpdates: () => number;
  readonly clock: () => number;
}): ConsoleViews {
  const { federation, url, fingerprint, store, members, ledger, metrics } = order;
  const namesOfSites = async (): Promise<Map<string, string>> =>
    new Map((await members.everyone()).map((member) => [member.fingerprint, member.site]));

  return {
    async overview() {
      const { volume, ...condition } = await order.condition();
      const current = await store.current();
      const recent = await ledger.entries(shown.ledgerEntries, ({ act }) => act !== 'trunk-sent');
      return {
        federation,
        url,
        fingerprint,
        ...condition,
        problems: [...condition.problems],
        ...volume,
        project:
          current === null
            ? null
            : { title: current.project.title, commits: current.project.commits, isFinished: current.isFinished },
        acceptedUpdates: await store.acceptedUpdates(),
        refusedUpdates: order.refusedUpdates(),
        uptimeSeconds: process.uptime(),
        memoryBytes: process.memoryUsage.rss(),
        sentBytes: metrics.sentBytes(),
        receivedBytes: metrics.receivedBytes(),
        recent: recent.map(({ sequence, at, act, detail }) => ({ sequence, at, act, detail })),
      };
    },
    async members() {
      const online = await order.online();
      const newest = new Map((await store.newestUpdates()).map((update) => [update.site, update]));
      const current = await store.current();
      const buffered = current === null ? [] : await store.buffered(current.projectHash);
      const waiting = Map.groupBy(buffered, ({ site }) => site);
      return (await members.everyone()).map((member) => ({
        ...member,
        isOnline: online.has(member.fingerprint),
        waitingUpdates: waiting.get(member.fingerprint)?.length ?? 0,
        examples: newest.get(member.fingerprint)?.examples ?? null,
        lastUpdateAt: newest.get(member.fingerprint)?.acceptedAt ?? null,
        validation: newest.get(member.fingerprint)?.validation ?? null,
      }));
    },
    async invites() {
      const sites = await namesOfSites();
      const now = new Date(order.clock()).toISOString();
      return (await listInvites(order.db, shown.invites)).map(
        ({ codeHash, createdAt, expiresAt, usedBy, withdrawnAt }) => ({
          id: codeHash,
          createdAt,
          expiresAt,
          withdrawnAt,
          state: withdrawnAt !== null ? 'withdrawn' : usedBy !== null ? 'used' : expiresAt <= now ? 'expired' : 'open',
          usedBy: usedBy === null ? null : (sites.get(usedBy) ?? usedBy.slice(0, 16)),
        }),
      );
    },
    async project() {
      const current = await store.current();
      if (current === null) return null;
      const { project, projectHash, isFinished, retiredBecause, trunk } = current;
      const hasEnded = isFinished || retiredBecause !== null;
      const buffered = await store.buffered(projectHash);
      const awaited = hasEnded ? null : sitesAwaited({ project, trunkVersion: trunk.version }, buffered);
      const answers = await answersTo(order.db, projectHash);
      const { version: trunkVersion } = trunk;
      const bufferedUpdates = buffered.length;
      return { project, projectHash, isFinished, retiredBecause, bufferedUpdates, trunkVersion, awaited, answers };
    },
    async trunk() {
      const current = await store.current();
      if (current === null) return { commits: [], reports: [] };
      const sites = await namesOfSites();
      const named = (device: string): string => sites.get(device) ?? device.slice(0, 16);
      const reports = (await store.recentUpdates(current.projectHash, shown.reports)).map((update) => ({
        ...update,
        site: named(update.site),
      }));
      const byVersion = Map.groupBy(reports, ({ committedVersion }) => committedVersion);
      const commits = (await store.trunkVersions(current.projectHash, shown.commits)).map((trunk) => {
        const counted = byVersion.get(trunk.version) ?? [];
        const { version, committedAt, blob, bytes } = trunk;
        const staleness = counted.reduce((sum, { baseVersion }) => sum + version - 1 - baseVersion, 0);
        return {
          version,
          committedAt,
          blob,
          bytes,
          updates: trunk.updates.length,
          sites: [...new Set(counted.filter(({ isLeftOut }) => !isLeftOut).map(({ site }) => site))],
          leftOut: [...new Set(counted.filter(({ isLeftOut }) => isLeftOut).map(({ site }) => site))],
          meanStalenessCommits: counted.length === 0 ? null : staleness / counted.length,
          examples: counted.reduce((sum, { examples }) => sum + examples, 0),
        };
      });
      return { commits, reports };
    },
  };
}
