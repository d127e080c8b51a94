import { expect, test } from 'vitest';
import { RecentAnswers } from '../../../../src/renderer/viewer/recent-answers.ts';

const ofBytes = (limitBytes: number): RecentAnswers<Uint8Array> =>
  new RecentAnswers<Uint8Array>(limitBytes, ({ byteLength }) => byteLength);
const answer = (bytes: number) => (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(bytes));

test('an answer is asked for once', async () => {
  const answers = ofBytes(100);
  let asked = 0;
  const ask = (): Promise<Uint8Array> => {
    asked += 1;
    return answer(10)();
  };
  expect(await answers.get('a', ask)).toBe(await answers.get('a', ask));
  expect(asked).toBe(1);
});

test('beyond the limit in bytes, the one whose use lies longest back goes', async () => {
  const answers = ofBytes(100);
  await answers.get('a', answer(40));
  await answers.get('b', answer(40));
  await answers.get('a', answer(40));
  await answers.get('c', answer(40));
  expect(['a', 'b', 'c'].map((key) => answers.has(key))).toEqual([true, false, true]);
});

test('a failed answer can be asked for again', async () => {
  const answers = ofBytes(100);
  await expect(answers.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect((await answers.get('a', answer(7))).byteLength).toBe(7);
});
