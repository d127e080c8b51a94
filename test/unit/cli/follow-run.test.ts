import { expect, test } from 'vitest';
import { followRun } from '../../../src/cli/follow-run.ts';
import type { Output } from '../../../src/cli/output.ts';
import type { StationLink } from '../../../src/cli/station-link.ts';
import { type Run, runSchema } from '../../../src/contract/calls.ts';

const run = (changes: Partial<Run>): Run =>
  runSchema.parse({
    id: 'one',
    cohort: 'chest',
    network: 'cnn-small',
    startedAt: '2026-01-01T00:00:00.000Z',
    state: 'running',
    progress: null,
    losses: [],
    epochs: [],
    outcome: null,
    fault: null,
    ...changes,
  });
const epochs = [1, 2].map((epoch) => ({ epoch, loss: 1 / epoch, validation: null }));

test('a log hears each epoch when it is made, and why a run waits before its images are read', async () => {
  const log: string[] = [];
  let tell = (_run: Run): void => {};
  const station = {
    listen: (_event: string, listener: (run: Run) => void) => {
      tell = listener;
      return () => {};
    },
  } as unknown as StationLink;
  const output: Output = {
    isJson: false,
    isTerminal: false,
    result: () => {},
    document: () => {},
    log: (line) => void log.push(line),
    progress: () => {},
  };
  const ended = followRun(station, async () => ({ id: 'one' }), output);
  await Promise.resolve();
  const steps: [Partial<Run>, string[]][] = [
    [{ preparing: 0, waitsFor: 'it is outside the hours' }, ['The run waits: it is outside the hours']],
    [{ preparing: 0.1, waitsFor: 'it is outside the hours' }, []],
    [{ preparing: 0.2 }, ['The run goes on.']],
    [{ epochs: epochs.slice(0, 1) }, ['epoch 1: loss 1.0000']],
    [{ epochs: epochs.slice(0, 1) }, []],
    [{ epochs, state: 'stopped' }, ['epoch 2: loss 0.5000']],
  ];
  for (const [news, told] of steps) {
    tell(run(news));
    expect(log.splice(0)).toEqual(told);
  }
  expect((await ended).state).toBe('stopped');
});
