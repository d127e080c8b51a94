import { describe, expect, it } from 'vitest';
import type { Task } from '../../../../src/contract/network.ts';
import { type HyperParameters, hyperParametersSchema } from '../../../../src/contract/training.ts';
import { classWeightsFor } from '../../../../src/trainer/run/class-weights.ts';

const all = (length: number): Int32Array => Int32Array.from({ length }, (_, index) => index);

function weights(
  task: Task,
  classes: string[],
  labels: Int32Array | Uint8Array,
  hyper: Partial<HyperParameters> = {},
  classPixels?: number[],
): { weights: number[] | null; notes: string[] } {
  const notes: string[] = [];
  const count = task === 'classification' ? labels.length : labels.length / classes.length;
  const header = { task, classes, ...(classPixels === undefined ? {} : { classPixels }) };
  const settings = hyperParametersSchema.parse(hyper);
  return { weights: classWeightsFor({ header, labels }, all(count), settings, (note) => notes.push(note)), notes };
}

describe('class weights', () => {
  it('of one label make each class count the same and the mean example 1; a class without examples weighs 1', () => {
    const { weights: found } = weights('classification', ['a', 'b'], Int32Array.from([0, 0, 0, 1]));
    expect(found![0]! * 3).toBeCloseTo(found![1]!, 12);
    expect((found![0]! * 3 + found![1]!) / 4).toBeCloseTo(1, 12);
    expect(weights('classification', ['a', 'b', 'c'], Int32Array.from([0, 0])).weights).toEqual([1, 1, 1]);
    expect(
      weights('classification', ['a', 'b'], Int32Array.from([0, 1]), { balanceClasses: false }).weights,
    ).toBeNull();
  });

  it('of several labels weigh the positives by how many negatives there are, and never less than 1', () => {
    // The first label in one of four images, the second in three, the third in none.
    const labels = Uint8Array.from([1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]);
    expect(weights('multi-label', ['rare', 'common', 'absent'], labels).weights).toEqual([3, 1, 1]);
  });

  it('are cut where a class is very rare, and say so', () => {
    const labels = new Uint8Array(100);
    labels[3] = 1;
    const { weights: found, notes } = weights('multi-label', ['cyst'], labels);
    expect(found).toEqual([20]);
    expect(notes).toEqual(['“cyst” is very rare: weighed 20 times, and no more.']);
    const one = new Int32Array(10_000);
    one[7] = 1;
    const ofOneLabel = weights('classification', ['normal', 'cyst'], one);
    expect(ofOneLabel.weights).toEqual([10_000 / (2 * 9_999), 20]);
    expect(ofOneLabel.notes).toEqual(['“cyst” is very rare: weighed 20 times, and no more.']);
  });

  it('of masks are left to Dice where the loss has it, and come from the pixels where it has not', () => {
    const pixels = [900, 100];
    expect(weights('segmentation', ['background', 'lesion'], new Uint8Array(), {}, pixels).weights).toBeNull();
    const plain = weights(
      'segmentation',
      ['background', 'lesion'],
      new Uint8Array(),
      { loss: 'cross-entropy' },
      pixels,
    );
    expect(plain.weights).toEqual([1_000 / 1_800, 5]);
  });

  it('that are given go by name, also beside Dice; an unknown name and a privacy promise refuse them', () => {
    const given = { classWeights: { lesion: 3 } };
    const masks = (more: Partial<HyperParameters>) =>
      weights('segmentation', ['background', 'lesion'], new Uint8Array(), { ...given, ...more }, [900, 100]);
    expect(masks({}).weights).toEqual([1, 3]);
    expect(() => masks({ classWeights: { lung: 2 } })).toThrow(expect.objectContaining({ code: 365 }));
    const privacy = { maxEpsilon: 3, delta: 1e-5, noiseMultiplier: 1, clipNorm: 1 };
    expect(() => masks({ privacy })).toThrow(expect.objectContaining({ code: 365 }));
  });
});
