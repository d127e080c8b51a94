// Several hub processes over one PostgreSQL database are one hub (docs/hub.md): any may be killed, stopped or cut off (fault 23).
import { createHash } from 'node:crypto';
import { cpSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { endMembershipIn } from '../../../src/sync/hub/membership-end.ts';
import type { HubStep } from '../../../src/sync/hub/hub-step.ts';
import { encodeChunk } from '../../../src/sync/protocol/chunk-frame.ts';
import { formatInvite, parseInvite } from '../../../src/sync/protocol/invite-link.ts';
import { wireLimits } from '../../../src/sync/protocol/limits.ts';
import type { FromHub } from '../../../src/sync/protocol/messages.ts';
import { parseStatement } from '../../../src/sync/protocol/statement.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { type ForkedHub, type ForkedHubOrder, forkHub } from './forked-hub.ts';
import { oneAddress } from './one-address.ts';
import { onDatabase, type PostgresCluster, postgresMissing, startPostgres } from './postgres-cluster.ts';
import { rawModel, type RawSite, rawSite, rawUpdate } from './raw-site.ts';

const bench = openBench();
let cluster: PostgresCluster;

/** A federation of two hubs; each has a data folder of its own, the keys are the first one's. */
async function twoHubs(
  project: ForkedHubOrder['project'],
  first: Partial<ForkedHubOrder> = {},
  both: Partial<ForkedHubOrder> = {},
) {
  const postgres = await cluster.newDatabase();
  const blobs = bench.folder();
  const folders = [bench.folder(), bench.folder()] as const;
  const shared = { postgres, blobs, leaseMs: 1_500, project, ...both };
  const a = await forkHub(bench, { folder: folders[0], ...shared, ...first });
  const keysFor = (folder: string): void =>
    cpSync(path.join(folders[0], 'hub-keys.json'), path.join(folder, 'hub-keys.json'));
  keysFor(folders[1]);
  const b = await forkHub(bench, { folder: folders[1], ...shared });
  const at = (hub: ForkedHub, invite = a.invites[0]!): string =>
    formatInvite({ ...parseInvite(invite), url: `ws://127.0.0.1:${hub.port}` });
  /** How it stands, asked of one more hub. */
  const standing = async () => {
    const folder = bench.folder();
    keysFor(folder);
    const hub = await openHub({ folder, postgres, blobs, port: 0 });
    const [status, trunk] = [await hub.status(), Buffer.from((await hub.trunkWeights())!)];
    await hub.close();
    return { ...status, trunk };
  };
  const startAgain = (): Promise<ForkedHub> => forkHub(bench, { folder: folders[0], ...shared });
  return { a, b, at, postgres, blobs, standing, startAgain };
}
const join = async (invite: string, name: string): Promise<RawSite> =>
  bench.keep(await rawSite({ invite, folder: bench.folder(), name }));
/** The same device again, at another hub or after a cut. */
const again = async (invite: string, name: string, { keys }: RawSite): Promise<RawSite> =>
  bench.keep(await rawSite({ invite, folder: bench.folder(), name, keys, isEnrolled: true }));
const versionsHeard = (heard: readonly FromHub[]): number[] =>
  heard.flatMap((news) =>
    news.kind === 'trunk-committed' ? [parseStatement('trunk', news.trunk.statement).version] : [],
  );
const commitsTold = ({ news }: ForkedHub): number[] =>
  news.flatMap((piece) => (piece.kind === 'trunk-committed' ? [piece.version] : []));

describe('two hubs over one database', { timeout: 90_000 }, () => {
  beforeEach((context) => context.skip(postgresMissing !== null, postgresMissing ?? ''));
  beforeAll(async () => {
    if (postgresMissing !== null) return;
    cluster = await startPostgres();
  }, 120_000);
  afterEach(() => bench.close());
  afterAll(() => cluster?.close());

  it('keep no more for a member that brings and never offers than one hub does', async () => {
    const { a, b, at, blobs } = await twoHubs({ rule: { bufferSize: 2 }, commits: 5 });
    const unfinished = (): string[] => readdirSync(path.join(blobs, 'unfinished'));
    const bytes = weightsOf(1);
    const beginFour = async (site: RawSite, what: string): Promise<void> => {
      for (let turn = 0; turn < wireLimits.transfers; turn += 1) {
        const hash = createHash('sha256').update(`${what} ${turn}`).digest('hex');
        const begun = await site.channel.ask({ kind: 'put-begin', hash, bytes: bytes.length });
        if (begun.kind !== 'have') throw new Error('no answer');
        site.line.socket.send(encodeChunk({ transfer: begun.transfer, offset: 0, payload: bytes.subarray(0, 10) }));
        await until('it has arrived', () => unfinished().some((name) => name.startsWith(hash)));
      }
    };
    const first = await join(at(a, a.invites[0]), 'Lyon');
    await beginFour(first, 'at the first');
    const second = await again(at(b), 'Lyon', first);
    await beginFour(second, 'at the second');
    expect(unfinished()).toHaveLength(2 * wireLimits.transfers);
    const third = await again(at(a), 'Lyon', first);
    await beginFour(third, 'at the first again');
    expect(unfinished()).toHaveLength(2 * wireLimits.transfers);
  });

  it('count an update once that is offered to both, and each announces the commit of the other', async () => {
    const options = { rule: { bufferSize: 2 }, commits: 5 };
    const project = practiceProject(options);
    const { a, b, at, standing } = await twoHubs(options);
    const lyon = await join(at(a, a.invites[0]), 'Lyon');
    const oslo = await join(at(b, a.invites[1]), 'Oslo');
    await until('each knows that both are connected', () =>
      [lyon, oslo].every(({ heard }) =>
        ['Lyon', 'Oslo'].every((name) =>
          heard.some(
            (news) =>
              (news.kind === 'members-changed' || news.kind === 'members-updated') &&
              (news.kind === 'members-changed' ? news.members : news.changed).some(
                ({ card, online }) => online && parseStatement('site-card', card.statement).site === name,
              ),
          ),
        ),
      ),
    );
    const one = rawUpdate(lyon, project, weightsOf(0.25));
    await lyon.channel.putBlob(one.blob);
    const first = await lyon.channel.ask({ kind: 'update-offered', update: one.signed });
    // The answer got lost, and the site comes back to the other hub.
    const lyonAtB = await again(at(b), 'Lyon', lyon);
    expect(await lyonAtB.channel.ask({ kind: 'update-offered', update: one.signed })).toMatchObject({
      isDuplicate: true,
      receipt: (first as { receipt: object }).receipt,
    });
    expect((await lyon.channel.ended).message).toContain('newer connection');
    const lyonAtA = await again(at(a), 'Lyon', lyon);
    const two = rawUpdate(oslo, project, weightsOf(0.5));
    await oslo.channel.putBlob(two.blob);
    await oslo.channel.ask({ kind: 'update-offered', update: two.signed });
    await until('both heard of the commit', () =>
      [lyonAtA, oslo].every(({ heard }) => versionsHeard(heard).includes(1)),
    );
    await until('both hubs told it', () => [a, b].every((hub) => commitsTold(hub).includes(1)));
    expect(await standing()).toMatchObject({ trunkVersion: 1, acceptedUpdates: 2, bufferedUpdates: 0 });
  });

  it('relay a model from a site at one to a site at the other, and cut a revoked member off at either', async () => {
    const options = { rule: { bufferSize: 2 }, commits: 5 };
    const { a, b, at, postgres } = await twoHubs(options);
    const lyon = await join(at(a, a.invites[0]), 'Lyon');
    const oslo = await join(at(b, a.invites[1]), 'Oslo');
    const { sealed, statement } = rawModel(lyon, practiceProject(options));
    await lyon.channel.putBlob(sealed);
    const envelopes = [{ recipient: oslo.keys.fingerprint, sealedKey: 'sealed' }];
    await lyon.channel.ask({ kind: 'model-published', model: statement, envelopes });
    await until('Oslo hears of the model', () => oslo.heard.some(({ kind }) => kind === 'model-available'));
    await oslo.channel.getBlob(sealed, lyon.blobs.size(sealed)!);
    expect(oslo.blobs.has(sealed)).toBe(true);
    await endMembershipIn(postgres, 'Oslo', { kind: 'revoked', because: 'test' });
    expect((await oslo.channel.ended).message).toContain('ended the membership');
    await expect(again(at(a), 'Oslo', oslo)).rejects.toMatchObject({ code: 505 });
    await until('Lyon knows', () =>
      lyon.heard.some((news) => news.kind === 'members-updated' && news.gone.includes(oslo.keys.fingerprint)),
    );
    expect(b.news.filter(({ kind }) => kind === 'site-dismissed')).toHaveLength(1);
  });

  it('hear of what the other did also when its NOTIFY is lost', async () => {
    const options = { rule: { bufferSize: 1 }, commits: 5 };
    const project = practiceProject(options);
    const { a, b, at, postgres } = await twoHubs(options);
    const lyon = await join(at(a, a.invites[0]), 'Lyon');
    const oslo = await join(at(b, a.invites[1]), 'Oslo');
    // Nobody listens any more when the commit is told; the connections are made anew after it.
    await onDatabase(postgres, (client) =>
      client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'imagiq hub listener'",
      ),
    );
    const update = rawUpdate(lyon, project, weightsOf(1));
    await lyon.channel.putBlob(update.blob);
    await lyon.channel.ask({ kind: 'update-offered', update: update.signed });
    await until('Oslo heard of the commit', () => versionsHeard(oslo.heard).includes(1));
    // A row and its event without any NOTIFY.
    await onDatabase(postgres, (client) =>
      client.query(`WITH ended AS (UPDATE members SET state = 'revoked' WHERE site = 'Oslo' RETURNING fingerprint)
        INSERT INTO events (kind, subject, process, "happenedAt") SELECT 'member-changed', fingerprint, 'test', 0 FROM ended`),
    );
    expect((await oslo.channel.ended).message).toContain('ended the membership');
    expect(a.child.exitCode).toBeNull();
  });

  it('tell the sites of each where those of the other say that their peers reach them, and again after a restart', async () => {
    const { a, b, at, startAgain } = await twoHubs({ rule: { bufferSize: 2 }, commits: 5 });
    const addressHeard = ({ heard }: RawSite) =>
      heard
        .flatMap((news) => (news.kind === 'members-changed' ? news.members : 'changed' in news ? news.changed : []))
        .flatMap(({ address }) => (address ? [parseStatement('address', address.statement).url] : []));
    const oslo = await join(at(b, a.invites[1]), 'Oslo');
    const url = 'wss://lyon.example.org:8444';
    const lyon = bench.keep(await rawSite({ invite: at(a), folder: bench.folder(), name: 'Lyon', url }));
    await until('Oslo heard of it', () => addressHeard(oslo).includes(url));
    a.child.kill('SIGKILL');
    await a.died;
    await lyon.channel.ended;
    const quito = await join(at(await startAgain(), a.invites[2]), 'Quito');
    await until('Quito heard of it', () => addressHeard(quito).length > 0);
    expect(new Set([...addressHeard(oslo), ...addressHeard(quito)])).toEqual(new Set([url]));
  });

  it('are one address to real sites, which finish their project though a hub is killed and another starts', async () => {
    const address = await oneAddress(bench);
    const options = { rule: { bufferSize: 2 }, commits: 4 };
    const { a, b, standing, startAgain } = await twoHubs(options, {}, { publicUrl: address.url });
    address.leadTo([a.port, b.port]);
    const sites = await Promise.all(
      ['Lyon', 'Oslo'].map(async (name, index) => {
        const site = await bench.site(name, practiceWork({ step: 1 }));
        await site.join(a.invites[index]!);
        await until('the project is announced', () => site.memberships()[0]?.project);
        return site;
      }),
    );
    for (const site of sites) await site.approve('ImagiQ', 'chest');
    await until('the first commit', () => [a, b].some((hub) => commitsTold(hub).includes(1)));
    a.child.kill('SIGKILL');
    await a.died;
    await until('the second commit', () => commitsTold(b).includes(2), 40_000);
    const c = await startAgain();
    address.leadTo([c.port]);
    b.child.kill('SIGKILL');
    for (const site of sites) {
      await until(
        'the project is finished',
        () => site.memberships().find(({ state }) => state === 'finished'),
        60_000,
      );
    }
    const { acceptedUpdates, trunkVersion, isFinished } = await standing();
    expect({ trunkVersion, isFinished }).toEqual({ trunkVersion: 4, isFinished: true });
    const receipts = (): number => sites.reduce((sum, site) => sum + site.memberships()[0]!.updates.accepted, 0);
    await until('each accepted update has its receipt, once', () => receipts() === acceptedUpdates);
  }, 150_000);

  it('refuse a hub with keys of its own', async () => {
    const { postgres } = await twoHubs({});
    await expect(openHub({ folder: bench.folder(), postgres, port: 0 })).rejects.toMatchObject({ code: 540 });
  });
});

/** Three updates of one site, each offered until it is answered; `fault` happens in the second commit. */
describe('a hub that fails in the middle of a commit', () => {
  const options = {
    rule: {
      bufferSize: 1,
      serverOptimizer: { kind: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 },
      serverLearningRate: 0.1,
    },
    commits: 6,
  } as const;
  const project = practiceProject(options);
  let whole: Buffer;

  beforeEach((context) => context.skip(postgresMissing !== null, postgresMissing ?? ''));
  beforeAll(async () => {
    if (postgresMissing !== null) return;
    cluster = await startPostgres();
    // One hub over SQLite that nothing happens to.
    const hub = await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) });
    const lyon = await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' });
    for (const value of values) await offer(lyon, value);
    whole = Buffer.from((await hub.trunkWeights())!);
    await lyon.close();
    await hub.close();
  }, 120_000);
  afterEach(() => bench.close());
  afterAll(() => cluster?.close());

  const values = [0.5, -0.3, 2];
  const offer = async (site: RawSite, value: number) => {
    const { blob, signed } = rawUpdate(site, project, weightsOf(value));
    await site.channel.putBlob(blob);
    return site.channel.ask({ kind: 'update-offered', update: signed });
  };
  const expectWhole = async (standing: () => Promise<{ trunk: Buffer }>): Promise<void> => {
    const { trunk, ...status } = await standing();
    expect(status).toMatchObject({ trunkVersion: 3, acceptedUpdates: 3, bufferedUpdates: 0 });
    expect(trunk.equals(whole)).toBe(true);
  };

  it.each<HubStep>(['update-accepted', 'optimizer-state-written', 'trunk-blob-written', 'trunk-committed'])(
    'by being killed at %s: the other makes the same commit, to the last bit, and counts nothing twice',
    async (dieAt) => {
      const { a, b, at, standing } = await twoHubs(options, { dieAt, dieAtTime: 2 });
      const lyon = await join(at(a), 'Lyon');
      await offer(lyon, values[0]!);
      // So that the first hub, not the other, makes this commit.
      b.child.kill('SIGSTOP');
      await expect(offer(lyon, values[1]!)).rejects.toThrow(/./);
      await a.died;
      b.child.kill('SIGCONT');
      const lyonAtB = await again(at(b), 'Lyon', lyon);
      // It was accepted before the hub died.
      expect(await offer(lyonAtB, values[1]!)).toMatchObject({ isDuplicate: true });
      await until('the other hub told of the second version', () => commitsTold(b).includes(2));
      await offer(lyonAtB, values[2]!);
      await expectWhole(standing);
    },
    60_000,
  );

  it('by being stopped: the other takes over, and what the stopped one writes when it wakes up is refused', async () => {
    const { a, b, at, standing } = await twoHubs(options, {
      dieAt: 'trunk-blob-written',
      dieAtTime: 2,
      dieBy: 'SIGSTOP',
    });
    const lyon = await join(at(a), 'Lyon');
    await offer(lyon, values[0]!);
    b.child.kill('SIGSTOP');
    void offer(lyon, values[1]!).catch(() => {});
    await until('the first hub is in the middle of its commit', () => isStopped(a));
    b.child.kill('SIGCONT');
    await until('the other hub took over', () => commitsTold(b).includes(2), 40_000);
    const lyonAtB = await again(at(b), 'Lyon', lyon);
    a.child.kill('SIGCONT');
    await until('the woken hub was refused', () =>
      a.news.some((piece) => piece.kind === 'commit-failed' && piece.fault.code === 542),
    );
    await until('and tells of the version that counts', () => commitsTold(a).includes(2));
    expect(await offer(lyonAtB, values[1]!)).toMatchObject({ isDuplicate: true });
    const lyonAtA = await again(at(a), 'Lyon', lyon);
    await offer(lyonAtA, values[2]!);
    await expectWhole(standing);
  }, 90_000);

  it('because the database crashes: nothing acknowledged is lost, and both hubs go on when it is back', async () => {
    const { a, b, at, standing } = await twoHubs(options, {
      dieAt: 'trunk-blob-written',
      dieAtTime: 2,
      dieBy: 'SIGSTOP',
    });
    const lyon = await join(at(a), 'Lyon');
    await offer(lyon, values[0]!);
    b.child.kill('SIGSTOP');
    const second = offer(lyon, values[1]!);
    await until('the first hub is in the middle of its commit', () => isStopped(a));
    await cluster.crash();
    b.child.kill('SIGCONT');
    a.child.kill('SIGCONT');
    await until('it failed', () => a.news.some(({ kind }) => kind === 'commit-failed'));
    // The update was accepted before; the answer says so.
    expect(await second).toMatchObject({ isDuplicate: false });
    await expect(offer(lyon, values[2]!)).rejects.not.toMatchObject({ retry: 'never' });
    await cluster.start();
    await until(
      'both hubs tell of the second version',
      () => [a, b].every((hub) => commitsTold(hub).includes(2)),
      40_000,
    );
    const lyonAtB = await again(at(b), 'Lyon', lyon);
    await offer(lyonAtB, values[2]!);
    await expectWhole(standing);
  }, 120_000);
});

/** Whether the process was stopped by a signal, as the system says. */
async function isStopped({ child }: ForkedHub): Promise<boolean> {
  return /^State:\tT/m.test(await readFile(`/proc/${child.pid}/status`, 'utf8'));
}
