import { afterEach, describe, expect, it } from 'vitest';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { WebSocketServer } from 'ws';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { wireVersion } from '../../../src/sync/protocol/limits.ts';
import { parseStatement } from '../../../src/sync/protocol/statement.ts';
import { readMembershipState } from '../../../src/sync/site/membership-file.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

/** A site whose first update is in, whose second waits for `release`, and whose hub is gone. */
async function hubLess(commits: number) {
  const folder = bench.folder();
  const project = practiceProject({ rule: { bufferSize: 1 }, commits });
  const first = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const home = bench.folder();
  const work = practiceWork({ step: 1, beforeUpdate: (turn) => (turn === 1 ? held : Promise.resolve()) });
  const lyon = await bench.site('Lyon', work, home);
  await lyon.join(await first.createInvite());
  await until('the project is announced', () => lyon.memberships()[0]?.project);
  await lyon.approve('ImagiQ', 'chest');
  await until('the first update is in', () => lyon.memberships()[0]!.updates.accepted === 1);
  await first.close();
  return { folder, home, work, lyon, port: first.port, release };
}

describe('a site without its hub', () => {
  it('trains on, keeps its updates through a restart, and delivers each once when the hub is back', async () => {
    const { folder, home, work, lyon, port, release } = await hubLess(6);
    await until('the site notices', () => lyon.memberships()[0]!.state === 'offline');
    expect(lyon.memberships()[0]!.reason).not.toBeNull();
    release();
    await until('the spool is full', () => lyon.memberships()[0]!.updates.spooled === 4);
    await lyon.close();

    const hub = bench.keep(await openHub({ folder, port }));
    const back = await bench.site('Lyon', work, home);
    await until('the project is finished', () => back.memberships().find(({ state }) => state === 'finished'));
    expect(back.memberships()[0]!.updates.spooled).toBe(0);
    expect(back.memberships()[0]!.trunkVersion).toBe(6);
    const sent = [...lyon.ledger, ...back.ledger].filter(({ act }) => act === 'update-sent');
    expect(new Set(sent.map(({ detail }) => detail['blob'] + String(detail['baseVersion']))).size).toBeGreaterThan(0);
    expect((await hub.status()).acceptedUpdates).toBe(back.memberships()[0]!.updates.accepted);
  });

  it('sends nothing more of what it kept once the project has ended', async () => {
    const { folder, home, work, lyon, port, release } = await hubLess(3);
    release();
    await until('the spool is full', () => lyon.memberships()[0]!.updates.spooled === 4);
    await lyon.close();

    const hub = bench.keep(await openHub({ folder, port }));
    const back = await bench.site('Lyon', work, home);
    await until('the spool is empty', () => back.memberships().find(({ updates }) => updates.spooled === 0));
    await until('the project is finished', () => back.memberships().find(({ state }) => state === 'finished'));
    const sent = back.ledger.filter(({ act }) => act === 'update-sent');
    expect(sent).toHaveLength(2);
    expect(back.memberships()[0]!.updates).toMatchObject({ accepted: 3, refused: 0 });
    expect((await hub.status()).acceptedUpdates).toBe(3);
  });

  it('drops what it made from a cohort once another is approved, and says of the rest which trunk it starts from', async () => {
    const folder = bench.folder();
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 9 });
    const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const work = practiceWork({ step: 1, beforeUpdate: (turn) => (turn === 2 ? held : Promise.resolve()) });
    const lyon = await bench.site('Lyon', work);
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('ImagiQ', 'chest');
    await until('two updates are in', () => lyon.memberships()[0]!.updates.accepted === 2);
    await until('the site trains from trunk 2', () => lyon.memberships()[0]!.history.length === 3);
    await hub.close();
    await until('the site notices', () => lyon.memberships()[0]!.state === 'offline');
    release();
    await until('the spool is full', () => lyon.memberships()[0]!.updates.spooled === 4);
    await lyon.approve('ImagiQ', 'another');
    expect(lyon.memberships()[0]!.updates.spooled).toBe(0);
    await until('the spool is full again', () => lyon.memberships()[0]!.updates.spooled === 4);
    const [name] = readdirSync(path.join(lyon.folder, 'federations'));
    const { spool } = readMembershipState(path.join(lyon.folder, 'federations', name!))!;
    const statements = spool.map(({ update }) => parseStatement('update', update.statement));
    const fingerprint = await work.datasetFingerprint('another');
    expect(statements.map(({ datasetFingerprint }) => datasetFingerprint)).toEqual(Array(4).fill(fingerprint));
    expect(statements.map(({ baseVersion }) => baseVersion)).toEqual([2, 2, 2, 2]);
  });

  it('stops for good when its membership is refused, and says why', async () => {
    const folder = bench.folder();
    const project = practiceProject({ rule: { bufferSize: 2 } });
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await hub.createInvite());
    await hub.endMembership('Lyon', { kind: 'revoked', because: 'the laptop was stolen' });
    const refused = await until('the site knows', () => lyon.memberships().find(({ state }) => state === 'refused'));
    expect(refused.reason).toContain('withdrew');
    expect((await hub.status()).members).toEqual([]);
  });
});

describe('a connection that breaks the rules', () => {
  it('ends, whoever answers, and the membership goes on', async () => {
    const folder = bench.folder();
    const project = practiceProject({ rule: { bufferSize: 2 } });
    const first = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }));
    await lyon.join(await first.createInvite());
    await first.close();
    const greeted = new Set<string>();
    const impostor = new WebSocketServer({ host: '127.0.0.1', port: first.port, handleProtocols: () => wireVersion });
    impostor.on('connection', (socket) => {
      const greeting = greeted.size === 0 ? 'no JSON at all' : '{"kind":"hello","statement":"{}","signature":""}';
      greeted.add(greeting);
      socket.send(greeting);
    });
    await until('the impostor said both', () => greeted.size === 2);
    for (const socket of impostor.clients) socket.terminate();
    await new Promise((resolve) => impostor.close(resolve));
    bench.keep(await openHub({ folder, port: first.port }));
    await until('the site is back', () => lyon.memberships()[0]!.state === 'online');
    expect(lyon.ledger.some(({ act }) => act === 'refused')).toBe(false);
  });
});

describe('two sites of different speed', () => {
  it('never wait for each other: the slow one joins in with stale updates that count less', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 5 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    let versionWhenSlowDelivers = -1;
    // The slow site finishes its first update only when the fast one has made two commits meanwhile.
    const slowWork = practiceWork({
      step: 1,
      beforeUpdate: async (turn) => {
        if (turn === 0) await until('two commits', async () => (await hub.status()).trunkVersion >= 2);
        versionWhenSlowDelivers = (await hub.status()).trunkVersion;
      },
    });
    const fastWork = practiceWork({
      step: 1,
      // The fast one pauses before the end, so that the slow update finds the project open.
      beforeUpdate: async (turn) => {
        if (turn >= 3)
          await until('the slow update', async () =>
            (await hub.status()).members.some((m) => m.site === 'Oslo' && m.updates > 0),
          );
      },
    });
    const oslo = await bench.site('Oslo', slowWork);
    await oslo.join(await hub.createInvite());
    await until('the project is announced', () => oslo.memberships()[0]?.project);
    await oslo.approve('ImagiQ', 'chest');
    await until('Oslo trains', () => oslo.memberships()[0]!.activity === 'training');
    const lyon = await bench.site('Lyon', fastWork);
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('ImagiQ', 'chest');
    const both = await until('both are done', () => {
      const views = [oslo.memberships()[0]!, lyon.memberships()[0]!];
      return views.every(({ state }) => state === 'finished') && views;
    });
    expect(versionWhenSlowDelivers).toBeGreaterThanOrEqual(2);
    expect(both[0]!.meanStaleness).toBeGreaterThan(0);
    expect(both.map(({ trunkVersion }) => trunkVersion)).toEqual([5, 5]);
    expect(both[0]!.members.map(({ site }) => site).sort()).toEqual(['Lyon', 'Oslo']);
  });
});
