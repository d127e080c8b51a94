// Listening for peers is changed by one order after another: what was asked for last is what is.
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { plainSealing } from '../../../../src/sync/site/key-sealing.ts';
import { openListening } from '../../../../src/sync/site/listening.ts';

async function situation() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-listening-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const listening = await openListening({ folder, sealing: plainSealing, welcome: async () => {} });
  onTestFinished(() => listening.close());
  return listening;
}

const on = (port: number) => ({ isOn: true, port, address: '127.0.0.1' });
const off = { isOn: false, port: 0, address: null };

/** Whether anything takes a line at this port. */
function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const line = net.connect(port, '127.0.0.1');
    line.once('connect', () => resolve(true)).once('error', () => resolve(false));
    line.once('connect', () => line.destroy());
  });
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('of two changes at once the later one stands, and leaves no door open', async () => {
  const listening = await situation();
  const port = await freePort();
  await Promise.all([listening.change(on(port)), listening.change(off)]);
  expect(listening.now).toMatchObject({ isOn: false, listensOn: null });
  expect(await isOpen(port)).toBe(false);
});

test('a change under way as the site closes leaves no door open', async () => {
  const listening = await situation();
  const port = await freePort();
  const change = listening.change(on(port));
  listening.close();
  await change.catch(() => null);
  expect(await isOpen(port)).toBe(false);
});
