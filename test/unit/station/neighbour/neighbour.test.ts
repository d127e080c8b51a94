import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Neighbour } from '../../../../src/contract/neighbour.ts';
import { readLinuxSensors, type Sensors } from '../../../../src/station/neighbour/linux-sensors.ts';
import { watchNeighbour } from '../../../../src/station/neighbour/neighbour.ts';

function situation({
  sensors = { isOnBattery: null, isHot: null } as Sensors,
  files = {} as Record<string, string>,
} = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-neighbour-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const orders: string[] = [];
  const told: Neighbour[] = [];
  let time = new Date('2026-11-24T12:00:00').getTime();
  const watch = watchNeighbour({
    folder,
    trainers: [
      {
        hold: (reason) => orders.push(`hold ${reason}`),
        rest: (milliseconds) => orders.push(`rest ${milliseconds}`),
        pace: (idleShare) => orders.push(`pace ${idleShare}`),
      },
    ],
    threads: 2,
    onChange: (neighbour) => told.push(neighbour),
    clock: () => new Date(time),
    readSensors: () => sensors,
  });
  onTestFinished(() => {
    watch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { watch, orders, told, folder, pass: (milliseconds: number) => (time += milliseconds) };
}

test('a change of one rule leaves the others, is kept on disk and acted upon at once', () => {
  const { watch, orders, folder } = situation();
  watch.change({ idleMinutes: 7 });
  orders.length = 0;
  expect(watch.change({ computeShare: 0.25 }).rules).toMatchObject({ idleMinutes: 7, computeShare: 0.25 });
  expect(orders).toEqual(['hold null', 'pace 0.75']);
  expect(JSON.parse(readFileSync(path.join(folder, 'training-rules.json'), 'utf8'))).toMatchObject({ idleMinutes: 7 });
});

test('what the shell tells holds training, and is forgotten when it tells no more', () => {
  const { watch, told, pass } = situation();
  watch.change({ idleMinutes: 5 });
  watch.hear({ idleSeconds: 3, isOnBattery: false, isHot: null });
  expect(watch.now().waitsFor).toContain('in use');
  watch.hear({ idleSeconds: 8, isOnBattery: false, isHot: null });
  watch.hear({ idleSeconds: 301, isOnBattery: false, isHot: null });
  expect(watch.now().waitsFor).toBeNull();
  // Seconds without input alone are no news.
  expect(told.map(({ waitsFor }) => waitsFor !== null)).toEqual([false, false, true, false]);
  pass(60_000);
  expect(watch.now().workstation.idleSeconds).toBeNull();
});

test('sensors count where the shell does not know', () => {
  const { watch } = situation({ sensors: { isOnBattery: false, isHot: true } });
  watch.hear({ idleSeconds: 100, isOnBattery: false, isHot: null });
  expect(watch.now().waitsFor).toContain('hot');
});

test('looking at images rests the trainers, told seldom, unless the rule is off', () => {
  const { watch, orders, pass } = situation();
  orders.length = 0;
  watch.viewerWorks();
  watch.viewerWorks();
  pass(600);
  watch.viewerWorks();
  expect(orders).toEqual(['rest 2000', 'rest 2000']);
  watch.change({ yieldToViewer: false });
  orders.length = 0;
  pass(600);
  watch.viewerWorks();
  expect(orders).toEqual([]);
});

test('a damaged file of rules counts as the defaults', () => {
  const { watch } = situation({ files: { 'training-rules.json': '{"idleMinutes": "often"}' } });
  expect(watch.now().rules).toMatchObject({ idleMinutes: 0, onBattery: 'pause' });
});

test('Linux tells battery and heat by files, with a little slack before a hot machine counts as cool', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'imagiq-sensors-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  expect(readLinuxSensors(false, root)).toEqual({ isOnBattery: null, isHot: null });
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), `${text}\n`);
  };
  write('power_supply/AC/type', 'Mains');
  write('thermal/thermal_zone0/trip_point_0_type', 'critical');
  write('thermal/thermal_zone0/trip_point_0_temp', '100000');
  write('thermal/thermal_zone0/temp', '89000');
  expect(readLinuxSensors(false, root)).toEqual({ isOnBattery: false, isHot: false });
  expect(readLinuxSensors(true, root)).toEqual({ isOnBattery: false, isHot: true });
  write('thermal/thermal_zone0/temp', '90000');
  write('power_supply/BAT0/type', 'Battery');
  write('power_supply/BAT0/status', 'Discharging');
  // A mouse has a battery too.
  write('power_supply/mouse/type', 'Battery');
  write('power_supply/mouse/scope', 'Device');
  write('power_supply/mouse/status', 'Discharging');
  expect(readLinuxSensors(false, root)).toEqual({ isOnBattery: true, isHot: true });
  write('power_supply/BAT0/status', 'Charging');
  expect(readLinuxSensors(false, root).isOnBattery).toBe(false);
});
