import { describe, expect, it } from 'vitest';
import { circlePoint } from '../../../../src/trainer/run/circle-point.ts';
import { randomStream, shuffled, standardNormals } from '../../../../src/trainer/run/random.ts';

function fiveOf(...names: number[]): number[] {
  const random = randomStream(...names);
  return Array.from({ length: 5 }, () => random.bits());
}

describe('random streams', () => {
  it('are the same for the same names and differ for others', () => {
    const first = fiveOf(1, 2);
    expect(fiveOf(1, 2)).toEqual(first);
    expect(fiveOf(2, 1)).not.toEqual(first);
    expect(fiveOf(1, 2, 0)).not.toEqual(first);
  });

  it('are uniform and stay below their end', () => {
    const random = randomStream(3);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw += 1) counts[random.below(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('become normal numbers of mean 0 and variance 1', () => {
    const values = standardNormals(randomStream(5), 20_001);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});

describe('shuffling', () => {
  const values = Int32Array.from({ length: 100 }, (_, index) => index * 3);

  it('keeps every value once and the input as it was', () => {
    const order = shuffled(values, 1, 0);
    expect([...order].sort((a, b) => a - b)).toEqual([...values]);
    expect(values[1]).toBe(3);
  });

  it('depends on seed and epoch only', () => {
    expect(shuffled(values, 1, 4)).toEqual(shuffled(values, 1, 4));
    expect(shuffled(values, 1, 4)).not.toEqual(shuffled(values, 1, 5));
    expect(shuffled(values, 1, 4)).not.toEqual(shuffled(values, 2, 4));
  });
});

it('uniform numbers drawn at once are those drawn one by one, and the stream goes on after them', () => {
  const [atOnce, oneByOne] = [randomStream(6, 2), randomStream(6, 2)];
  const values = new Float64Array(33);
  atOnce.uniforms(values);
  expect([...values]).toEqual(Array.from({ length: 33 }, () => oneByOne.uniform()));
  expect(atOnce.bits()).toBe(oneByOne.bits());
});

it('a point on the circle is that of Math, to the last places', () => {
  const point = new Float64Array(2);
  const random = randomStream(9);
  const quarters = Array.from({ length: 5 }, (_, quarter) => (quarter * Math.PI) / 2);
  const eighths = Array.from({ length: 4 }, (_, eighth) => ((2 * eighth + 1) * Math.PI) / 4);
  for (const angle of [
    ...quarters,
    ...eighths,
    ...Array.from({ length: 5_000 }, () => 2 * Math.PI * random.uniform()),
  ]) {
    circlePoint(angle, point);
    expect(Math.abs(point[0]! - Math.cos(angle))).toBeLessThan(3e-16);
    expect(Math.abs(point[1]! - Math.sin(angle))).toBeLessThan(3e-16);
  }
});
