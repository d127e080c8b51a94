import { expect, it } from 'vitest';
import { likenessOf } from '../../../../src/trainer/privacy/recognition.ts';

/** Likenesses of other images, spread evenly about their mean. */
const others = (mean: number, halfWidth: number): number[] =>
  Array.from({ length: 99 }, (_, index) => mean + halfWidth * (index / 49 - 1));

it('recognises an exact copy, however much the other images differ among themselves', () => {
  // Chest images: 0.2 … 0.7 alike; four standard deviations above their mean there is nothing left.
  expect(likenessOf(1, others(0.45, 0.25))).toMatchObject({ rank: 1, isRecognised: true });
});

it('recognises a fainter guess that is far more like its image than like any other', () => {
  expect(likenessOf(0.5, others(0.1, 0.05)).isRecognised).toBe(true);
});

it('does not call it recognised that the guess looks like all images', () => {
  // The mean of all images resembles each of them.
  expect(likenessOf(0.93, others(0.9, 0.05)).isRecognised).toBe(false);
  expect(likenessOf(0.5, others(0.4, 0.2)).isRecognised).toBe(false);
});

it('nor a likeness that no person would see', () => {
  expect(likenessOf(0.3, others(0.02, 0.01)).isRecognised).toBe(false);
});

it('ranks the image among the others', () => {
  expect(likenessOf(0.5, [0.6, 0.5, 0.4])).toMatchObject({ rank: 3, chanceMost: 0.6, isRecognised: false });
});
