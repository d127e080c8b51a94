import { expect, test, vi } from 'vitest';
import type { Run } from '../../../../src/contract/calls.ts';
import type { Model } from '../../../../src/contract/model.ts';
import { Models } from '../../../../src/renderer/models/models.svelte.ts';
import { Training } from '../../../../src/renderer/training/training.svelte.ts';
import { Toasts } from '../../../../src/renderer/ui/toasts.svelte.ts';
import { stationStandIn } from '../station-stand-in.ts';

const model = { id: 'a1b2'.repeat(4) } as Model;

/** News of a run that ended so, and left the model. */
const news = (state: Run['state']): Run =>
  ({
    id: '1',
    startedAt: '2026-01-01',
    state,
    outcome: { weightsFile: `models/${model.id.repeat(4)}` },
  }) as Run;

test.each(['done', 'stopped', 'failed'] as const)('the model of a run that is %s is shown at once', async (state) => {
  let kept: Model[] = [];
  const { link, tell } = stationStandIn({
    models: () => ({ models: kept, damaged: [] }),
    'model-evaluations': () => ({ evaluations: [] }),
    runs: () => ({ runs: [] }),
    about: () => ({ networks: [] }),
  });
  const toasts = new Toasts(() => 'training');
  const training = new Training(link, toasts);
  const models = new Models(link, toasts);
  await vi.waitFor(() => expect(training.runs).toEqual([]));
  await vi.waitFor(() => expect(models.models).toEqual([]));
  kept = [model];
  const run = news(state);
  tell('run-changed', run);
  await vi.waitFor(() => expect(models.models).toEqual([model]));
  await vi.waitFor(() => expect(training.modelOf(run)).toEqual(model));
});
