// What the shell makes of a station that answers an order to seal late, strangely or never. The real one is in integration/station.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { sealingDeadlineMs, startStationProcess } from '../../../src/main/station-process.ts';

const seal = { key: Buffer.alloc(32, 7), sealedKey: Buffer.from('as the key chain has it') };

afterEach(() => void vi.useRealTimers());

/** A station whose program does this with the orders to seal that it has got, each time it gets one. */
function stationThat(onOrders: string) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-station-'));
  const file = path.join(folder, 'station.mjs');
  writeFileSync(
    file,
    `const orders = [];
    process.on('message', (message) => {
      if (!('sealing' in message)) return;
      orders.push(message);
      ${onOrders}
    });`,
  );
  const station = startStationProcess({
    program: { node: process.execPath, file },
    home: folder,
    keyChain: () => ({ sealingKey: null, fault: null }),
    onMessage: () => {},
    onState: () => {},
    onGone: () => {},
  });
  onTestFinished(async () => {
    await station.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return station;
}

test('a station that never answers is waited for up to a deadline; the next try is heard, and only its own answer counts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const station = stationThat(`if (orders.length === 2) {
    process.send({ id: orders[0].id, value: { isSealed: false } });
    process.send({ id: orders[1].id, value: { isSealed: true } });
  }`);
  const first = station.changeSealing(seal);
  await expect(station.changeSealing(null)).rejects.toMatchObject({ code: 707 });
  vi.advanceTimersByTime(sealingDeadlineMs);
  await expect(first).rejects.toMatchObject({ code: 708 });
  expect(await station.changeSealing(seal)).toBe(true);
});

test('a station that prepares its data is there: what it was asked waits until it is gone', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-station-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'station.mjs');
  writeFileSync(
    file,
    `process.send({ preparing: { step: 1, steps: 2 } });
    process.on('message', (message) => { if ('call' in message) process.exit(0); });`,
  );
  const heard: string[] = [];
  const station = startStationProcess({
    program: { node: process.execPath, file },
    home: folder,
    keyChain: () => ({ sealingKey: null, fault: null }),
    onMessage: () => {},
    onState: ({ state, message }: { state: string; message?: string }) =>
      heard.push(message?.startsWith('Preparing') === true ? 'preparing' : state),
    onGone: () => heard.push('gone'),
  });
  onTestFinished(() => station.close());
  await vi.waitFor(() => expect(heard).toContain('preparing'), 10_000);
  expect(heard).toEqual(['preparing']);
  station.send({ id: 1, call: 'about', arguments: {} });
  await vi.waitFor(() => expect(heard.slice(0, 3)).toEqual(['preparing', 'gone', 'restarting']), 10_000);
});

test('an answer that is none is told as a fault, not thrown where a message is heard', async () => {
  const station = stationThat(`process.send({ id: message.id, value: 'yes' });`);
  await expect(station.changeSealing(seal)).rejects.toMatchObject({ code: 702 });
});
