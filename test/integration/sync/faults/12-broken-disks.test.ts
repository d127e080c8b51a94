import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openHub } from '../../../../src/sync/hub/hub.ts';
import { openBlobFolder } from '../../../../src/sync/protocol/blob-folder.ts';
import { wireLimits } from '../../../../src/sync/protocol/limits.ts';
import { firstWeight, openBench, practiceProject, until, weightsOf } from '../federation-fixture.ts';
import { rawSite, rawUpdate } from '../raw-site.ts';
import { processesOf } from './processes.ts';

const bench = openBench();
const { hubProcess } = processesOf(bench);
/** The last first. */
const mounted: string[] = [];
const unmountAll = (): void => {
  for (const folder of mounted.splice(0)) execFileSync('umount', [folder]);
};
afterEach(async () => {
  // Open files keep a disk from being taken out.
  await bench.close({ beforeFolders: unmountAll });
});

/** A disk of so many bytes in memory, where the system lets this process make one. */
function smallDisk(bytes: number): string | null {
  const folder = bench.folder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  mounted.unshift(folder);
  return folder;
}

interface FailingDisk {
  readonly folder: string;
  /** From now on what needs new room on the disk ends in an input/output error (EIO), which the system tells at the sync. */
  fail(): void;
  heal(): void;
  /** Taken out and put in again: only what is on the disk is there afterwards. */
  reinsert(): void;
}

/** A file system in a file that is larger than the disk in memory below it; null where this process may not make one. */
function failingDisk(bytes = 16 * 1024 * 1024): FailingDisk | null {
  const below = smallDisk(bytes);
  if (below === null) return null;
  const image = path.join(below, 'image');
  const filler = path.join(below, 'filler');
  const folder = bench.folder();
  const insert = (): void => void execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'ignore' });
  try {
    execFileSync('truncate', ['-s', '64M', image]);
    execFileSync('mke2fs', ['-q', '-F', image], { stdio: 'ignore' });
    insert();
  } catch {
    return null;
  }
  // The last that was mounted is taken out first.
  mounted.unshift(folder);
  return {
    folder,
    fail: () => fill(filler, bytes),
    heal: () => rmSync(filler),
    reinsert() {
      execFileSync('umount', [folder]);
      insert();
    },
  };
}

/** Writes until there is no room. */
function fill(filler: string, from: number): void {
  for (let size = from; size >= 4_096; size >>= 1) {
    try {
      writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full to so many bytes: the next half.
    }
  }
}

const values = wireLimits.chunkBytes;
const options = { rule: { bufferSize: 3 }, commits: 5 };
const project = practiceProject(options);

describe('fault 12: a disk that is full, read-only or damaged', () => {
  it('full: the site is told to come later, nothing stored is lost, and it goes on when there is space', async (context) => {
    const disk = smallDisk(8 * 1024 * 1024);
    if (disk === null) return context.skip('this process may not mount a disk of its own');
    const hub = bench.keep(await openHub({ folder: disk, port: 0, project, initialWeights: weightsOf(0, values) }));
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const first = rawUpdate(site, project, weightsOf(1, values));
    await site.channel.putBlob(first.blob);
    await site.channel.ask({ kind: 'update-offered', update: first.signed });
    const filler = path.join(disk, 'filler');
    fill(filler, 6 * 1024 * 1024);
    const second = rawUpdate(site, project, weightsOf(2, values));
    await expect(site.channel.putBlob(second.blob)).rejects.toMatchObject({ retry: 'later' });
    await site.channel.ended;
    rmSync(filler);
    const again = bench.keep(
      await rawSite({
        invite: await hub.createInvite(),
        folder: bench.folder(),
        name: 'Lyon',
        keys: site.keys,
        isEnrolled: true,
      }),
    );
    again.blobs.put(weightsOf(2, values));
    await again.channel.putBlob(second.blob);
    await again.channel.ask({ kind: 'update-offered', update: second.signed });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 2, bufferedUpdates: 2 });
  }, 60_000);

  it('with input/output errors: what it did not take is sent again whole, and every acknowledged byte is on the disk', async (context) => {
    const disk = failingDisk();
    if (disk === null) return context.skip('this process may not mount a disk of its own');
    const { folder } = disk;
    const first = await hubProcess({ folder, project: options, weights: values });
    const site = bench.keep(await rawSite({ invite: first.invites[0]!, folder: bench.folder(), name: 'Lyon' }));
    const offer = async (value: number): Promise<void> => {
      const { blob, signed } = rawUpdate(site, project, weightsOf(value, values));
      await site.channel.putBlob(blob);
      expect(await site.channel.ask({ kind: 'update-offered', update: signed })).toMatchObject({ isDuplicate: false });
    };
    await offer(1);
    disk.fail();
    await expect(offer(2)).rejects.toMatchObject({ retry: 'later' });
    disk.heal();
    // The system holds the bytes in memory still, as if they had been written: they must not count as stored.
    await offer(2);
    first.child.kill('SIGKILL');
    await first.died;
    disk.reinsert();
    const second = await hubProcess({ folder, project: options, weights: values, port: first.port });
    await site.channel.ended;
    const again = {
      invite: second.invites[0]!,
      folder: bench.folder(),
      name: 'Lyon',
      keys: site.keys,
      isEnrolled: true,
    };
    const back = bench.keep(await rawSite(again));
    const { blob, signed } = rawUpdate(back, project, weightsOf(3, values));
    await back.channel.putBlob(blob);
    await back.channel.ask({ kind: 'update-offered', update: signed });
    second.child.kill('SIGKILL');
    await second.died;
    const hub = bench.keep(await openHub({ folder, port: 0 }));
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 3, trunkVersion: 1, bufferedUpdates: 0 });
    expect(firstWeight((await hub.trunkWeights())!)).toBe(2);
  }, 60_000);

  it('with input/output errors while a blob still arrives: it ends then, and none of its bytes counts as received', async (context) => {
    const disk = failingDisk(48 * 1024 * 1024);
    if (disk === null) return context.skip('this process may not mount a disk of its own');
    const bytes = randomBytes(40 * 1024 * 1024);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const blobs = bench.keep(openBlobFolder(path.join(disk.folder, 'blobs')));
    const broken = blobs.receive(hash, bytes.length);
    const arrive = async (): Promise<void> => {
      for (let at = 0; at < bytes.length; at += values) await broken.append(at, bytes.subarray(at, at + values));
      await broken.finish();
    };
    disk.fail();
    await expect(arrive()).rejects.toMatchObject({ syscall: 'fdatasync' });
    broken.suspend();
    disk.heal();
    const again = blobs.receive(hash, bytes.length);
    expect(again.offset).toBe(0);
    await again.append(0, bytes);
    await again.finish();
    await blobs.close();
    disk.reinsert();
    expect(readFileSync(blobs.file(hash)!).equals(bytes)).toBe(true);
  }, 60_000);

  it('read-only: nothing is acknowledged, and it goes on when the disk may be written again', async (context) => {
    const disk = smallDisk(32 * 1024 * 1024);
    if (disk === null) return context.skip('this process may not mount a disk of its own');
    const first = await hubProcess({ folder: disk, project: options });
    const site = await rawSite({ invite: first.invites[0]!, folder: bench.folder(), name: 'Lyon' });
    const { blob, signed } = rawUpdate(site, project, weightsOf(1));
    await site.channel.putBlob(blob);
    await site.close();
    first.child.kill('SIGKILL');
    await first.died;
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await expect(openHub({ folder: disk, port: 0 })).rejects.toThrow(/cannot be used: the drive is read-only/);
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    const hub = bench.keep(await openHub({ folder: disk, port: 0 }));
    const again = bench.keep(
      await rawSite({
        invite: await hub.createInvite(),
        folder: bench.folder(),
        name: 'Lyon',
        keys: site.keys,
        isEnrolled: true,
      }),
    );
    await again.channel.ask({ kind: 'update-offered', update: signed });
    expect(await hub.status()).toMatchObject({ acceptedUpdates: 1 });
  }, 60_000);

  it.each([
    ['cut to half', (size: number) => Math.floor(size / 2)],
    ['without its last byte', (size: number) => size - 1],
    ['empty', () => 0],
  ])(
    'a write-ahead log %s: the hub opens at an earlier state that is whole, and takes the update again',
    async (_, sizeOf) => {
      const folder = bench.folder();
      const first = await hubProcess({ folder, project: options });
      const order = { invite: first.invites[0]!, folder: bench.folder(), name: 'Lyon' };
      const site = await rawSite(order);
      const { blob, signed } = rawUpdate(site, project, weightsOf(1));
      await site.channel.putBlob(blob);
      await site.channel.ask({ kind: 'update-offered', update: signed });
      first.child.kill('SIGKILL');
      await first.died;
      await site.blobs.close();
      const log = path.join(folder, 'hub.sqlite-wal');
      truncateSync(log, sizeOf(statSync(log).size));
      // Its tables may be in the log alone: then the hub begins anew, with its keys; it must not fall over.
      const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
      const again = bench.keep(
        await rawSite({ ...order, invite: await hub.createInvite(), folder: bench.folder(), keys: site.keys }),
      );
      again.blobs.put(weightsOf(1));
      await again.channel.putBlob(blob);
      await again.channel.ask({ kind: 'update-offered', update: signed });
      expect(await hub.status()).toMatchObject({ acceptedUpdates: 1, bufferedUpdates: 1, trunkVersion: 0 });
    },
    60_000,
  );

  it('a database that is none any more: the hub says so and does not begin anew over it', async () => {
    const folder = bench.folder();
    await (await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) })).close();
    writeFileSync(path.join(folder, 'hub.sqlite'), Buffer.alloc(8_192, 7));
    await expect(openHub({ folder, port: 0 })).rejects.toMatchObject({ code: 549 });
    expect(readFileSync(path.join(folder, 'hub.sqlite')).equals(Buffer.alloc(8_192, 7))).toBe(true);
  });

  it('a trunk whose bytes rotted at the hub is not used by a site', async () => {
    const folder = bench.folder();
    const hub = bench.keep(await openHub({ folder, port: 0, project, initialWeights: weightsOf(0) }));
    const site = bench.keep(await rawSite({ invite: await hub.createInvite(), folder: bench.folder(), name: 'Lyon' }));
    const announced = await until('the project', () => site.heard.find(({ kind }) => kind === 'project-announced'));
    if (announced.kind !== 'project-announced') throw new Error('no project');
    const trunk = JSON.parse(announced.trunk!.statement) as { blob: string; bytes: number };
    const file = path.join(folder, 'blobs', trunk.blob.slice(0, 2), trunk.blob);
    const rotten = readFileSync(file);
    rotten[rotten.length - 1]! ^= 1;
    writeFileSync(file, rotten);
    await expect(site.channel.getBlob(trunk.blob, trunk.bytes)).rejects.toMatchObject({ code: 404 });
    expect(site.blobs.has(trunk.blob)).toBe(false);
  });
});
