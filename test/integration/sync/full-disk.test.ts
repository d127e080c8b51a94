import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openHub, type HubNews } from '../../../src/sync/hub/hub.ts';
import { openBench, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';
import { rawSite } from './raw-site.ts';

const bench = openBench();
const unhandled: unknown[] = [];
const listen = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', listen));
afterAll(() => void process.off('unhandledRejection', listen));
afterEach(() => bench.close());

const diskFull = (): Error => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

describe('a full disk', () => {
  it('at a site, also for its ledger, stops the work until there is space again', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    let isFull = false;
    let failures = 0;
    const work = practiceWork({
      step: 1,
      beforeUpdate: async () => {
        if (!isFull) return;
        failures += 1;
        throw diskFull();
      },
    });
    const lyon = await bench.site('Lyon', work, bench.folder(), () => {
      if (isFull) throw diskFull();
    });
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('ImagiQ', 'chest');
    isFull = true;
    await until('the work failed and was tried again', () => failures >= 2);
    isFull = false;
    await until('the project is finished', () => lyon.memberships().find(({ state }) => state === 'finished'));
    expect(unhandled).toEqual([]);
  });

  it('that keeps the ledger from being written keeps the bytes from leaving, and counts nothing', async () => {
    const project = practiceProject({ rule: { bufferSize: 1 }, commits: 2 });
    const hub = bench.keep(await openHub({ folder: bench.folder(), port: 0, project, initialWeights: weightsOf(0) }));
    let isFull = true;
    let attempts = 0;
    const lyon = await bench.site('Lyon', practiceWork({ step: 1 }), bench.folder(), (act) => {
      if (act !== 'update-sent' || !isFull) return;
      attempts += 1;
      throw diskFull();
    });
    await lyon.join(await hub.createInvite());
    await until('the project is announced', () => lyon.memberships()[0]?.project);
    await lyon.approve('ImagiQ', 'chest');
    await until('it was tried again', () => attempts >= 2);
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 0, refusedUpdates: 0 });
    expect(lyon.memberships()[0]!.updates).toEqual({ accepted: 0, refused: 0, discarded: 0, spooled: 1 });
    isFull = false;
    await until('the project is finished', () => lyon.memberships().find(({ state }) => state === 'finished'));
    expect(lyon.memberships()[0]!.updates).toEqual({ accepted: 2, refused: 0, discarded: 0, spooled: 0 });
    const sent = lyon.ledger.filter(({ act }) => act === 'update-sent');
    expect(sent.map(({ detail }) => Number(detail['bytes']) > 0)).toEqual([true, true]);
  });

  it('at a hub is told to whoever watches it, and it serves on when there is space again', async () => {
    const folder = bench.folder();
    const project = practiceProject();
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    const news: HubNews[] = [];
    hub.watch((piece) => {
      news.push(piece);
      throw diskFull();
    });
    const invite = await hub.createInvite();
    const first = await rawSite({ invite, folder: bench.folder(), name: 'Lyon' });
    // A trigger stands for the disk: the write of `lastSeen` fails inside SQLite.
    const db = new Database(path.join(folder, 'hub.sqlite'));
    db.exec(`CREATE TRIGGER full BEFORE UPDATE OF lastSeen ON members BEGIN SELECT RAISE(ABORT, 'full'); END`);
    first.line.socket.terminate();
    await first.channel.ended;
    await until('the failure is told', () => news.some(({ kind }) => kind === 'failed'));
    const again = { invite, folder: bench.folder(), name: 'Lyon', keys: first.keys, isEnrolled: true };
    const second = await rawSite(again);
    await second.channel.ended;
    db.exec('DROP TRIGGER full');
    db.close();
    const third = bench.keep(await rawSite(again));
    await until('the site is greeted', () => third.heard.some(({ kind }) => kind === 'members-changed'));
    expect((await hub.status()).members).toMatchObject([{ site: 'Lyon', online: true }]);
    expect(unhandled).toEqual([]);
  });
});
