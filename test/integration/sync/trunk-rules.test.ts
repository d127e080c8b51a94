// The trunk's rules at a real hub: what is refused, what lying sites reach, and folders of earlier versions.
import { createHash } from 'node:crypto';
import { utimesSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { consoleTrunkSchema } from '../../../src/contract/console.ts';
import { trunkRuleSchema, type TrunkRule } from '../../../src/contract/federation.ts';
import { comparedUpdateLimits } from '../../../src/sync/aggregation/unusable-trunk-rule.ts';
import { openHub, type Hub } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn } from '../../../src/sync/hub/ledger-in.ts';
import { projectStandingIn } from '../../../src/sync/hub/project-standing.ts';
import { signedInPage } from './console-page.ts';
import { firstWeight, openBench, practiceProject, weightsOf } from './federation-fixture.ts';
import { rawSite, rawUpdate, type RawSite } from './raw-site.ts';

const bench = openBench();
afterEach(() => bench.close());

const median = { bufferSize: 3, combination: { kind: 'median' }, stalenessEffect: 'step' } as const;

async function hubWith(
  rule: Partial<TrunkRule>,
  others: { readonly sitesToStart?: number } = {},
): Promise<{ hub: Hub; folder: string; join: (name: string) => Promise<Offering> }> {
  const project = practiceProject({ rule, commits: 100, ...others });
  const folder = bench.folder();
  const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
  const join = async (name: string): Promise<Offering> => {
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name }));
    return {
      site,
      async offer(value, baseVersion = 0) {
        const { blob, signed } = rawUpdate(site, project, weightsOf(value), { baseVersion });
        await site.channel.putBlob(blob);
        await site.channel.ask({ kind: 'update-offered', update: signed });
      },
    };
  };
  return { hub, folder, join };
}

interface Offering {
  readonly site: RawSite;
  /** An update whose every value is `value`. */
  offer(value: number, baseVersion?: number): Promise<void>;
}

describe('Multi-Krum', () => {
  it('says whose updates it left out of a commit: at the console, in the ledger and where the project is shown', async () => {
    const rule = {
      bufferSize: 3,
      staleness: { kind: 'constant' },
      combination: { kind: 'krum', byzantine: 0, kept: 2 },
    };
    const { hub, folder, join } = await hubWith(trunkRuleSchema.parse(rule));
    const [lyon, oslo, quito] = [await join('Lyon'), await join('Oslo'), await join('Quito')];
    await lyon.offer(1);
    await oslo.offer(1.1);
    await quito.offer(9);
    expect((await hub.status()).trunkVersion).toBe(1);
    await lyon.offer(2, 1);
    await oslo.offer(-9, 1);
    await quito.offer(2.1, 1);
    // One that waits is neither.
    await quito.offer(7, 2);
    expect(await projectStandingIn(folder)).toMatchObject({
      trunkVersion: 2,
      leftOut: [
        { site: 'Oslo', updates: 2, leftOut: 1 },
        { site: 'Quito', updates: 2, leftOut: 1 },
      ],
    });
    const { body } = await (await signedInPage(hub.port, folder)).get('trunk');
    const { commits } = consoleTrunkSchema.parse(body);
    expect(
      commits.map(({ version, updates, sites, leftOut }) => [version, updates, sites.toSorted(), leftOut]),
    ).toEqual([
      [2, 3, ['Lyon', 'Quito'], ['Oslo']],
      [1, 3, ['Lyon', 'Oslo'], ['Quito']],
      [0, 0, [], []],
    ]);
    const entries = await hubLedgerEntriesIn(folder, 9, ({ act }) => act === 'trunk-committed');
    expect(entries.map(({ detail }) => [detail['updates'], detail['leftOut']])).toEqual([
      [3, 1],
      [3, 1],
    ]);
  });

  it('a rule that keeps all says nothing of it', async () => {
    const { folder, join } = await hubWith({ bufferSize: 1 });
    await (await join('Lyon')).offer(1);
    expect((await projectStandingIn(folder)).leftOut).toEqual([]);
    const [entry] = await hubLedgerEntriesIn(folder, 9, ({ act }) => act === 'trunk-committed');
    expect(entry?.detail).not.toHaveProperty('leftOut');
  });
});

describe('a project whose rule cannot keep its promise', () => {
  it('is refused when it is set, with why and what instead, and the hub goes on with the one before', async () => {
    const hub = bench.keep(
      await openHub({ folder: bench.folder(), port: 0, project: practiceProject(), initialWeights: weightsOf(0) }),
    );
    const krum = practiceProject({
      id: 'krum',
      rule: { bufferSize: 4, staleness: { kind: 'constant' }, combination: { kind: 'krum', byzantine: 1, kept: 1 } },
    });
    await expect(hub.setProject(krum, weightsOf(0))).rejects.toMatchObject({
      code: 524,
      message: expect.stringMatching(/among 5 or more, not among 4; raise trunkRule.bufferSize/),
    });
    expect((await hub.status()).project?.id).toBe('practice');
  });
});

describe('a hub with the median', () => {
  it('commits once enough sites sent something, gives each one voice, and stands a lie', async () => {
    const { hub, join } = await hubWith(median);
    const [lyon, oslo, liar] = [await join('Lyon'), await join('Oslo'), await join('Liar')];
    for (const value of [-900, -800, -700, -600]) await liar.offer(value);
    await lyon.offer(1);
    expect(await hub.status()).toMatchObject({ trunkVersion: 0, bufferedUpdates: 5 });
    await oslo.offer(1.5);
    expect(await hub.status()).toMatchObject({ trunkVersion: 1, bufferedUpdates: 0 });
    expect(firstWeight((await hub.trunkWeights())!)).toBe(1);
  });

  it('asks a site whose updates wait for others’ to come back later, and takes them then', async () => {
    const { hub, join } = await hubWith(median);
    const [lyon, oslo, quito] = [await join('Lyon'), await join('Oslo'), await join('Quito')];
    for (let count = 0; count < comparedUpdateLimits.waitingPerSite; count += 1) await lyon.offer(1 + count / 100);
    await expect(lyon.offer(5)).rejects.toMatchObject({ code: 561, retry: 'later' });
    await oslo.offer(1);
    await quito.offer(1);
    expect((await hub.status()).trunkVersion).toBe(1);
    await lyon.offer(5);
    expect(await hub.status()).toMatchObject({
      bufferedUpdates: 1,
      acceptedUpdates: comparedUpdateLimits.waitingPerSite + 3,
    });
  });
});

describe('a hub with steps that staleness lessens', () => {
  it('moves less for a stale update also with one update per commit', async () => {
    const { hub, join } = await hubWith({ bufferSize: 1, stalenessEffect: 'step' });
    const lyon = await join('Lyon');
    for (const value of [1, 2, 4]) await lyon.offer(value, 0);
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(1 + 2 / Math.sqrt(2) + 4 / Math.sqrt(3), 5);
  });

  it('and a clip moves no further than the clip', async () => {
    const { hub, join } = await hubWith({ bufferSize: 1, clipNorm: 4 });
    await (await join('Lyon')).offer(1000);
    // 64 equal values of norm 4.
    expect(firstWeight((await hub.trunkWeights())!)).toBeCloseTo(0.5, 6);
  });
});

describe('a hub’s folder of an earlier version', () => {
  it('opens, goes on with its project and its trunk, and counts by its exponent', async () => {
    const folder = bench.folder();
    const project = practiceProject({ rule: { bufferSize: 2, staleness: { kind: 'polynomial', exponent: 2 } } });
    const first = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    await first.close();
    makeEarlier(folder);
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(9) }));
    // The same project, not another that starts at 9.
    expect(firstWeight((await hub.trunkWeights())!)).toBe(0);
    expect((await hub.status()).project?.trunkRule).toEqual(
      trunkRuleSchema.parse({ bufferSize: 2, staleness: { kind: 'polynomial', exponent: 2 } }),
    );
  });

  /** As schema 1 had it: without the columns and tables of later ones, and with the rule's exponent as a field. */
  function makeEarlier(folder: string): void {
    const db = new Database(path.join(folder, 'hub.sqlite'));
    db.pragma('foreign_keys = OFF');
    const { project } = db.prepare<[], { project: string }>('SELECT project FROM projects').get()!;
    const earlier = JSON.parse(project) as { trunkRule: object; sitesToStart?: number };
    delete earlier.sitesToStart;
    earlier.trunkRule = { bufferSize: 2, stalenessExponent: 2, maxStalenessCommits: 20, serverLearningRate: 1 };
    const text = JSON.stringify(earlier);
    const hash = createHash('sha256').update(text).digest('hex');
    db.prepare('UPDATE projects SET project = ?, projectHash = ?').run(text, hash);
    db.prepare('UPDATE trunk SET projectHash = ?').run(hash);
    db.prepare("UPDATE settings SET value = ? WHERE key = 'project'").run(hash);
    db.exec('ALTER TABLE projects DROP COLUMN optimizerBlob; ALTER TABLE members DROP COLUMN endedBecause;');
    db.exec('ALTER TABLE projects DROP COLUMN epoch; ALTER TABLE projects DROP COLUMN retiredBecause;');
    db.exec('ALTER TABLE invites DROP COLUMN role; ALTER TABLE invites DROP COLUMN withdrawnAt;');
    db.exec('ALTER TABLE members DROP COLUMN role;');
    db.exec('ALTER TABLE members DROP COLUMN endedKind; ALTER TABLE projects DROP COLUMN variateBlob;');
    db.exec('ALTER TABLE updates DROP COLUMN discardedBecause; ALTER TABLE updates DROP COLUMN isLeftOut;');
    const first = ['settings', 'invites', 'members', 'projects', 'trunk', 'updates', 'models', 'envelopes'];
    const tables = db.prepare<[], { name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    for (const { name } of tables.all()) if (!first.includes(name)) db.exec(`DROP TABLE ${name}`);
    db.pragma('user_version = 1');
    db.close();
  }
});

describe('bytes at the hub that nothing names', () => {
  it('are thrown away a day after they came, at the next start; what is needed stays', async () => {
    const folder = bench.folder();
    const project = practiceProject();
    const first = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    const site = await rawSite({ invite: await first.createInvite(), folder: bench.folder(), name: 'Lyon' });
    const [never, offered] = [rawUpdate(site, project, weightsOf(1)), rawUpdate(site, project, weightsOf(2))];
    for (const { blob } of [never, offered]) await site.channel.putBlob(blob);
    await site.channel.ask({ kind: 'update-offered', update: offered.signed });
    await site.close();
    await first.close();
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    const fileOf = (blob: string): string => path.join(folder, 'blobs', blob.slice(0, 2), blob);
    for (const blob of [never.blob, offered.blob]) utimesSync(fileOf(blob), yesterday, yesterday);
    const hub = bench.keep(await openHub({ folder, port: 0 }));
    const again = bench.keep(
      await rawSite({
        invite: await hub.createInvite(),
        folder: bench.folder(),
        name: 'Lyon',
        keys: site.keys,
        isEnrolled: true,
      }),
    );
    // Gone: the hub wants its bytes from the start. There: it wants none.
    const size = weightsOf(1).byteLength;
    const offsetOf = async (hash: string): Promise<number> => {
      const answer = await again.channel.ask({ kind: 'put-begin', hash, bytes: size });
      return answer.kind === 'have' ? answer.offset : -1;
    };
    expect(await offsetOf(never.blob)).toBe(0);
    expect(await offsetOf(offered.blob)).toBe(size);
    expect((await hub.status()).bufferedUpdates).toBe(1);
  });
});

describe('a project that begins with two sites', () => {
  it('makes no commit of one alone, deadline or not, bounds what it sends meanwhile, and goes on once another has sent one', async () => {
    const { hub, join } = await hubWith({ bufferSize: 2, deadlineMs: 100 }, { sitesToStart: 2 });
    const waits: unknown[] = [];
    hub.watch((news) => void (news.kind === 'sites-awaited' && waits.push(news)));
    const [lyon, oslo] = [await join('Lyon'), await join('Oslo')];
    await lyon.offer(1);
    await expect(lyon.offer(2)).rejects.toMatchObject({ code: 564, retry: 'later' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await hub.status()).toMatchObject({
      trunkVersion: 0,
      bufferedUpdates: 1,
      awaited: { needed: 2, delivered: 1 },
    });
    expect(waits).toEqual([{ kind: 'sites-awaited', needed: 2, delivered: 1 }]);
    await oslo.offer(3);
    expect(await hub.status()).toMatchObject({ trunkVersion: 1, bufferedUpdates: 0, awaited: null });
    // From then on nobody waits for anybody.
    for (const value of [4, 5]) await lyon.offer(value, 1);
    expect((await hub.status()).trunkVersion).toBe(2);
  });

  it('waits for them also where fewer updates make a commit', async () => {
    const { hub, join } = await hubWith({ bufferSize: 1 }, { sitesToStart: 2 });
    await (await join('Lyon')).offer(1);
    expect((await hub.status()).trunkVersion).toBe(0);
    await (await join('Oslo')).offer(1);
    expect((await hub.status()).trunkVersion).toBe(2);
  });
});
