import { describe, expect, it } from 'vitest';
import { metricsSchema } from '../../../../src/contract/metrics.ts';
import { segmentationTally } from '../../../../src/trainer/metrics/segmentation.ts';

const classes = ['background', 'organ'];
const [height, width] = [4, 4];

/** Probabilities that call exactly this mask. */
function certain(mask: readonly number[]): Float32Array {
  return Float32Array.from(mask.flatMap((label) => [label === 0 ? 0.875 : 0.125, label === 0 ? 0.125 : 0.875]));
}
const rowsOf = (...rows: readonly string[]): number[] => rows.flatMap((row) => Array.from(row, Number));

const truth = rowsOf('0000', '0110', '0110', '0000');
const shifted = rowsOf('0000', '0011', '0011', '0000');
const empty = rowsOf('0000', '0000', '0000', '0000');

function add(
  tally: ReturnType<typeof segmentationTally>,
  mask: readonly number[],
  called: readonly number[],
  patient: number,
  place: { volume: number; slice: number } | null = null,
): void {
  tally.add({
    probabilities: certain(called),
    masks: Uint8Array.from(mask),
    patients: Int32Array.of(patient),
    places: place === null ? null : [{ ...place, spacingMm: [3, 2, 2] }],
  });
}

describe('metrics of a segmentation', () => {
  it('take the Dice of each patient over all of its images, then the mean', () => {
    const tally = segmentationTally({ classes, height, width });
    // Patient 1: 4 + 2 of (4 + 4) + (4 + 4) → 2·6/16; patient 2: all right.
    add(tally, truth, truth, 1);
    add(tally, truth, shifted, 1);
    add(tally, truth, truth, 2);
    const metrics = tally.metrics();
    expect(metrics.dice?.value).toBeCloseTo((0.75 + 1) / 2, 12);
    expect(metrics.perClass[1]?.dice).toBeCloseTo(0.875, 12);
    expect(metrics.perClass[0]?.dice).toBeNull();
    expect(metrics.confusion).toEqual([
      [34, 2],
      [2, 10],
    ]);
    expect(metrics.accuracy?.value).toBeCloseTo(44 / 48, 12);
    expect(metrics.patients).toBe(2);
    expect(metrics.examples).toBe(3);
    expect(metricsSchema.parse(metrics)).toEqual(metrics);
  });

  it('measure distances in millimetres across the slices of a volume', () => {
    const tally = segmentationTally({ classes, height, width });
    // The true organ is on slice 5 alone, the called one on slice 6 alone: 3 mm apart everywhere.
    add(tally, truth, empty, 1, { volume: 0, slice: 5 });
    add(tally, empty, truth, 1, { volume: 0, slice: 6 });
    const metrics = tally.metrics();
    expect(metrics.hausdorff95?.value).toBeCloseTo(3, 12);
    expect(metrics.hausdorffUnit).toBe('mm');
  });

  it('measure distances in pixels of single images where no geometry is known', () => {
    const tally = segmentationTally({ classes, height, width });
    add(tally, truth, shifted, 1);
    add(tally, truth, truth, 1);
    const metrics = tally.metrics();
    expect(metrics.hausdorffUnit).toBe('px');
    expect(metrics.hausdorff95?.value).toBeCloseTo(0.5, 12);
  });

  it('leave pixels out that are not labelled', () => {
    const tally = segmentationTally({ classes, height, width });
    add(
      tally,
      truth.map((label, pixel) => (pixel < 8 ? 255 : label)),
      empty,
      1,
    );
    const metrics = tally.metrics();
    expect(metrics.confusion).toEqual([
      [6, 0],
      [2, 0],
    ]);
    expect(metrics.dice?.value).toBe(0);
    expect(metrics.hausdorff95).toBeNull();
  });

  it('tell how many patients their distance is whole of: what was missed altogether has none, and must not look near', () => {
    const tally = segmentationTally({ classes, height, width });
    add(tally, truth, truth, 1, { volume: 0, slice: 0 });
    for (const patient of [2, 3, 4]) add(tally, truth, empty, patient, { volume: patient, slice: 0 });
    // Found in one volume, called where there is nothing in the other.
    add(tally, truth, truth, 5, { volume: 5, slice: 0 });
    add(tally, empty, truth, 5, { volume: 6, slice: 0 });
    // Nothing there and nothing called: neither right nor wrong.
    add(tally, empty, empty, 6, { volume: 7, slice: 0 });
    const metrics = tally.metrics();
    expect(metrics.hausdorff95?.value).toBe(0);
    expect(metrics).toMatchObject({ patients: 6, hausdorffPatients: 1 });
  });

  it('say nothing about a class that is nowhere, and refuse a mask that names no class', () => {
    const tally = segmentationTally({ classes, height, width });
    add(tally, empty, empty, 1);
    expect(tally.metrics().dice).toBeNull();
    expect(() =>
      add(
        tally,
        truth.map((label) => label * 7),
        empty,
        1,
      ),
    ).toThrow(expect.objectContaining({ code: 363 }));
  });

  it('give the loss per pixel and how far the probabilities can be trusted', () => {
    const tally = segmentationTally({ classes, height, width });
    add(tally, truth, truth, 1);
    expect(tally.metrics().loss).toBeCloseTo(-Math.log(0.875), 6);
    expect(tally.metrics().calibrationError).toBeCloseTo(0.125, 6);
  });
});
