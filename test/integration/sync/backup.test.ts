// A backup of a hub that is at work, and the hub that comes back from it: nothing that it knew is missing, nothing damaged is taken.
import { fork } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { restoreBackup } from '../../../src/sync/hub/backup/restore-backup.ts';
import { takeBackup } from '../../../src/sync/hub/backup/take-backup.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import { hubLedgerEntriesIn } from '../../../src/sync/hub/ledger-in.ts';
import { openBench, type PracticeSite, practiceProject, practiceWork, until, weightsOf } from './federation-fixture.ts';

const bench = openBench();
afterEach(() => bench.close());

const project = practiceProject({ commits: 10_000 });

/** A hub in a process of its own; `kill` ends it as a power cut does. */
async function startHub(folder: string, port = 0): Promise<{ port: number; invites: string[]; kill(): Promise<void> }> {
  const order = { folder, port, dieAt: null, dieAtTime: 0, project: { commits: 10_000 } };
  const child = fork(path.join(import.meta.dirname, 'hub-process.ts'), [JSON.stringify(order)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(() => void child.kill('SIGKILL'));
  const begun = await new Promise<{ port: number; invites: string[] }>((resolve) => {
    child.on('message', (message: object) => {
      if ('port' in message) resolve(message as { port: number; invites: string[] });
    });
  });
  return {
    ...begun,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function restoredBackup(): Promise<{ from: string; blob: string }> {
  const folder = bench.folder();
  const hub = await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) });
  await hub.close();
  const from = path.join(bench.folder(), 'backup');
  const { blobs } = await takeBackup({ folder, to: from });
  return { from, blob: path.join(from, 'blobs', blobs[0]!.slice(0, 2), blobs[0]!) };
}

describe('a backup', () => {
  it('of a hub at work holds one moment; restored, the hub goes on with every update that had been accepted', async () => {
    const folder = bench.folder();
    const first = await startHub(folder);
    const sites: PracticeSite[] = [];
    for (const [index, name] of ['Lyon', 'Oslo'].entries()) {
      const site = await bench.site(name, practiceWork({ step: 0.01 }));
      await site.join(first.invites[index]!);
      await until('the project', () => site.memberships()[0]?.project);
      await site.approve('ImagiQ', 'cohort');
      sites.push(site);
    }
    const accepted = (): number => sites.reduce((sum, site) => sum + site.memberships()[0]!.updates.accepted, 0);
    let backup = { to: '', acceptedUpdates: 0, trunkVersion: 0 };
    let before = 0;
    for (const round of [1, 2, 3, 4]) {
      await until('more updates', () => accepted() >= round * 6, 60_000);
      before = accepted();
      const to = path.join(bench.folder(), 'backup');
      const { acceptedUpdates, trunkVersion } = await takeBackup({ folder, to });
      backup = { to, acceptedUpdates, trunkVersion: trunkVersion ?? -1 };
      // What a site had been told before the backup began is in it.
      expect(acceptedUpdates).toBeGreaterThanOrEqual(before);
    }
    expect(before).toBeGreaterThanOrEqual(24);
    await first.kill();
    const later = bench.folder();
    rmSync(later, { recursive: true });
    await restoreBackup({ from: backup.to, to: later });
    const restored = await startHub(later, first.port);
    await until(
      'the sites are back and it commits',
      async () => {
        const acts = await hubLedgerEntriesIn(later, 1, ({ act }) => act === 'trunk-committed');
        return Number(acts[0]?.detail['version'] ?? 0) > backup.trunkVersion + 2;
      },
      90_000,
    );
    await restored.kill();
    const again = bench.keep(await openHub({ folder: later, port: 0 }));
    const { acceptedUpdates, members } = await again.status();
    expect(acceptedUpdates).toBeGreaterThan(backup.acceptedUpdates);
    expect(members.map(({ site }) => site)).toEqual(['Lyon', 'Oslo']);
    const acts = (await hubLedgerEntriesIn(later, 1_000, () => true)).map(({ act }) => act);
    expect(acts).toContain('hub-restored');
  }, 240_000);

  it.each([
    ['a flipped byte in a blob', (_from: string, blob: string) => flip(blob)],
    ['a blob that is gone', (_from: string, blob: string) => rmSync(blob)],
    ['a flipped byte in the database', (from: string) => flip(path.join(from, 'hub.sqlite'))],
    ['keys of nobody', (from: string) => writeFileSync(path.join(from, 'hub-keys.json'), '{}')],
    ['a cut manifest', (from: string) => writeFileSync(path.join(from, 'backup.json'), '{"format":1')],
  ])('with %s is refused and nothing is written', async (_what, damage) => {
    const { from, blob } = await restoredBackup();
    damage(from, blob);
    const to = path.join(bench.folder(), 'hub');
    await expect(restoreBackup({ from, to })).rejects.toMatchObject({ code: 538 });
    expect(readdirSync(path.dirname(to))).toEqual([]);
  });

  it('of a hub whose ledger was changed on the disk is taken and says so, and so does its restoring', async () => {
    const folder = bench.folder();
    await (await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) })).close();
    const whole = path.join(bench.folder(), 'backup');
    expect((await takeBackup({ folder, to: whole })).ledger).toMatchObject({ verified: true, firstBroken: null });
    const db = new Database(path.join(folder, 'hub.sqlite'));
    db.exec("UPDATE ledger SET line = replace(line, 'hub-started', 'hub-starved') WHERE act = 'hub-started'");
    db.close();
    const from = path.join(bench.folder(), 'backup');
    expect((await takeBackup({ folder, to: from })).ledger).toMatchObject({ verified: false, firstBroken: 1 });
    const restored = await restoreBackup({ from, to: path.join(bench.folder(), 'hub') });
    expect(restored.ledger).toMatchObject({ verified: false, firstBroken: 1 });
  });

  it('neither overwrites anything nor is taken of a hub whose own blob is damaged', async () => {
    const folder = bench.folder();
    await (await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) })).close();
    const taken = bench.folder();
    writeFileSync(path.join(taken, 'notes.txt'), 'mine');
    await expect(takeBackup({ folder, to: taken })).rejects.toMatchObject({ code: 544 });
    const { from } = await restoredBackup();
    await expect(restoreBackup({ from, to: folder })).rejects.toMatchObject({ code: 544 });
    await expect(restoreBackup({ from: taken, to: path.join(taken, 'hub') })).rejects.toMatchObject({ code: 539 });
    rmSync(path.join(from, 'hub-keys.json'));
    mkdirSync(path.join(from, 'hub-keys.json'));
    await expect(restoreBackup({ from, to: path.join(taken, 'hub') })).rejects.toThrow(
      /^The backup is damaged: hub-keys\.json is no file\. Nothing/,
    );
    const blob = readdirSync(path.join(folder, 'blobs'), { recursive: true, withFileTypes: true }).find((entry) =>
      entry.isFile(),
    )!;
    flip(path.join(blob.parentPath, blob.name));
    await expect(takeBackup({ folder, to: path.join(taken, 'backup') })).rejects.toMatchObject({ code: 538 });
    expect(readdirSync(taken)).toEqual(['notes.txt']);
  });

  it('keeps its bytes when the hub that shares them with it goes on, and its key for the owner only', async () => {
    const { from, blob } = await restoredBackup();
    const copy = path.join(bench.folder(), 'copy');
    cpSync(from, copy, { recursive: true });
    const to = path.join(bench.folder(), 'hub');
    await restoreBackup({ from, to });
    await (await openHub({ folder: to, port: 0 })).close();
    expect(readFileSync(path.join(from, 'hub.sqlite'))).toEqual(readFileSync(path.join(copy, 'hub.sqlite')));
    expect(statSync(blob).size).toBeGreaterThan(0);
    expect(statSync(path.join(from, 'hub-keys.json')).mode & 0o077).toBe(0);
    expect(statSync(path.join(to, 'hub-keys.json')).mode & 0o077).toBe(0);
  });
});

/** Changes the middle byte; a new file, because the old one may have another name elsewhere. */
function flip(file: string): void {
  const bytes = Buffer.from(readFileSync(file));
  bytes[bytes.length >> 1]! ^= 0xff;
  rmSync(file);
  writeFileSync(file, bytes);
}
