import { expect, test } from 'vitest';
import { followModelWork } from '../../../src/cli/follow-model-work.ts';
import type { StationLink } from '../../../src/cli/station-link.ts';

test('a model that waits for the workstation’s rules says why, once, also where no line of progress is shown', async () => {
  const lines: string[] = [];
  let hear: (value: unknown) => void = () => {};
  const station = {
    listen: (_event: string, listener: (value: unknown) => void) => {
      hear = listener;
      return () => (hear = () => {});
    },
  } as unknown as StationLink;
  const output = { log: (line: string) => void lines.push(line), progress: () => {} };
  const news = (done: number, waitsFor: string | null) => hear({ work: 'predicting', done, total: 2, waitsFor });
  const found = await followModelWork(
    station,
    output,
    () => '',
    async () => {
      news(0, 'it is outside the hours');
      news(0, 'it is outside the hours');
      news(1, null);
      return 'found';
    },
  );
  expect(found).toBe('found');
  expect(lines).toEqual(['The model waits: it is outside the hours', 'The model goes on.']);
});
