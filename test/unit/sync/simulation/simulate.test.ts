import { describe, expect, test } from 'vitest';
import { simulate, type SimulationOptions } from '../../../../src/sync/simulation/simulate.ts';

const options: SimulationOptions = {
  sites: 8,
  slowest: 20,
  bufferSize: 2,
  stalenessExponent: 0.5,
  dropRate: 0,
  secondsPerUpdate: 10,
  seed: 1,
};

describe('the simulation of rules on a virtual clock', () => {
  test('the same options give the same result', () => {
    expect(simulate(options)).toEqual(simulate(options));
  });

  test('asynchronous commits reach the target sooner when one site is 20 times slower', () => {
    const { asynchronous, synchronous, speedup } = simulate(options);
    expect(asynchronous.secondsToTarget).not.toBeNull();
    expect(synchronous.secondsToTarget).not.toBeNull();
    expect(speedup).toBeGreaterThan(5);
  });

  test('with a buffer of all sites both rules are the same one', () => {
    const { asynchronous, synchronous } = simulate({ ...options, bufferSize: 8 });
    expect(asynchronous).toEqual(synchronous);
  });

  test('synchronous rounds never see a stale update', () => {
    expect(simulate(options).synchronous.meanStaleness).toBe(0);
  });

  test('lost updates are counted and do not stop either rule', () => {
    const { asynchronous, synchronous } = simulate({ ...options, dropRate: 0.3 });
    expect(asynchronous.dropped + synchronous.dropped).toBeGreaterThan(0);
    expect(asynchronous.secondsToTarget).not.toBeNull();
    expect(synchronous.secondsToTarget).not.toBeNull();
  });
});
