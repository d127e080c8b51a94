import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { linkStation } from '../../../src/cli/station-link.ts';
import { connectLocalStation, serveLocalStation } from '../../../src/station/local-socket.ts';
import { openHomeFolder } from '../../../src/station/home/home-folder.ts';

const folders: string[] = [];

function newHome(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-link-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

describe('two commands on one home folder', { timeout: 60_000 }, () => {
  test('the first to end waits for the other, whose calls go on being answered', async () => {
    const home = newHome();
    let hasWaited = false;
    const first = await linkStation({ home, onGuests: () => (hasWaited = true) });
    const second = await linkStation({ home });
    let isClosed = false;
    const closing = first.close().then(() => (isClosed = true));
    await expect.poll(() => hasWaited).toBe(true);
    expect(await second.call('studies', {})).toMatchObject({ total: 0 });
    expect(isClosed).toBe(false);
    await second.close();
    await closing;
    expect(isClosed).toBe(true);
  });

  test('one that knocks while the door closes has not joined: it finds its way by itself', async () => {
    const home = newHome();
    const door = await serveLocalStation(home, async () => ({}));
    const joining = connectLocalStation(home, () => {});
    await Promise.all([expect(joining).rejects.toMatchObject({ code: 611 }), door.closeWhenAlone()]);
  });

  test('one that was let in before the door closes is waited for', async () => {
    const home = newHome();
    const door = await serveLocalStation(home, async () => ({ answered: true }));
    const link = await connectLocalStation(home, () => {});
    let isClosed = false;
    const closing = door.closeWhenAlone().then(() => (isClosed = true));
    expect(await link.call('studies', {})).toEqual({ answered: true });
    expect(isClosed).toBe(false);
    await link.close();
    await closing;
  });

  test('a folder that is owned for a moment by a station without a door is waited for', async () => {
    const home = newHome();
    const owner = openHomeFolder(home);
    const linking = linkStation({ home });
    setTimeout(() => owner.close(), 400);
    const link = await linking;
    expect(await link.call('studies', {})).toMatchObject({ total: 0 });
    await link.close();
  });
});
