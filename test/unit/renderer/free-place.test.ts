import { expect, test } from 'vitest';
import { freeRise } from '../../../src/renderer/ui/free-place.ts';

const stage = { left: 0, top: 0, right: 1_000, bottom: 800 };
const card = { left: 560, top: 700, right: 1_000, bottom: 780 };

test('lies at the foot where nothing is under it', () => {
  expect(freeRise(card, stage, [{ left: 100, top: 710, right: 200, bottom: 740 }], 8)).toBe(0);
});

test('rises over the control that it would cover, and over the next one that it would cover then', () => {
  const low = { left: 600, top: 720, right: 700, bottom: 752 };
  expect(freeRise(card, stage, [low], 8)).toBe(68);
  const above = { left: 600, top: 660, right: 700, bottom: 692 };
  expect(freeRise(card, stage, [low, above], 8)).toBe(128);
});

test('stays at the foot where no place is free', () => {
  const wall = { left: 900, top: 0, right: 940, bottom: 800 };
  expect(freeRise(card, stage, [wall], 8)).toBe(0);
});
