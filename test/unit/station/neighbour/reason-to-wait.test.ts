import { expect, test } from 'vitest';
import { trainingRulesSchema, type Workstation } from '../../../../src/contract/neighbour.ts';
import { reasonToWait, unkeptRules } from '../../../../src/station/neighbour/reason-to-wait.ts';

const rules = (given: object) => trainingRulesSchema.parse(given);
const unknown: Workstation = { idleSeconds: null, isOnBattery: null, isHot: null };
/** 2026-11-24 is a Tuesday. */
const at = (time: string, day = 24): Date => new Date(`2026-11-${day}T${time}:00`);

test('without rules and knowledge training goes on', () => {
  expect(reasonToWait(rules({}), unknown, at('12:00'))).toBeNull();
});

test('on battery and when hot it waits, unless it is told to train', () => {
  expect(reasonToWait(rules({}), { ...unknown, isOnBattery: true }, at('12:00'))).toContain('battery');
  expect(reasonToWait(rules({}), { ...unknown, isHot: true }, at('12:00'))).toContain('hot');
  const hardened = rules({ onBattery: 'train', whenHot: 'train' });
  expect(reasonToWait(hardened, { ...unknown, isOnBattery: true, isHot: true }, at('12:00'))).toBeNull();
});

test('idle-only waits until nobody has touched the workstation for the minutes asked', () => {
  const idleOnly = rules({ idleMinutes: 10 });
  expect(reasonToWait(idleOnly, { ...unknown, idleSeconds: 599 }, at('12:00'))).toContain('10 min');
  expect(reasonToWait(idleOnly, { ...unknown, idleSeconds: 600 }, at('12:00'))).toBeNull();
});

test('idle-only that nobody can judge holds nothing back and is told', () => {
  const idleOnly = rules({ idleMinutes: 10 });
  expect(reasonToWait(idleOnly, unknown, at('12:00'))).toBeNull();
  expect(unkeptRules(idleOnly, unknown)).toHaveLength(1);
  expect(unkeptRules(idleOnly, { ...unknown, idleSeconds: 5 })).toEqual([]);
});

test('hours over midnight belong to the day on which they begin', () => {
  const nights = rules({ hours: { from: '20:00', to: '06:00', days: ['mon', 'tue'] } });
  const waits = (time: string, day: number): boolean => reasonToWait(nights, unknown, at(time, day)) !== null;
  expect([waits('19:59', 24), waits('20:00', 24), waits('05:59', 25), waits('06:00', 25)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  // Wednesday evening is not asked for, the small hours of Monday belong to Sunday.
  expect([waits('21:00', 25), waits('03:00', 23)]).toEqual([true, true]);
});

test('the same time twice is the whole day', () => {
  const sundays = rules({ hours: { from: '00:00', to: '00:00', days: ['sun'] } });
  expect(reasonToWait(sundays, unknown, at('13:00', 22))).toBeNull();
  expect(reasonToWait(sundays, unknown, at('13:00', 23))).not.toBeNull();
});
