import { expect, test, vi } from 'vitest';
import type { Run } from '../../../../src/contract/calls.ts';
import type { Model } from '../../../../src/contract/model.ts';
import { hyperParametersSchema } from '../../../../src/contract/training.ts';
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
    runs: () => ({ runs: [], damaged: [] }),
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

/** A run of the command line: 60 epochs within a promise, by weights that were given. */
const earlier = {
  id: '1',
  startedAt: '2026-01-01',
  state: 'done',
  network: 'resnet18',
  outcome: null,
  hyperParameters: {
    ...hyperParametersSchema.parse({ epochs: 60 }),
    privacy: { noiseMultiplier: 1, clipNorm: 1, delta: 1e-5, maxEpsilon: 3 },
  },
} as unknown as Run;

test('the next run is asked for with what the newest had, whoever began it, and what was typed since', async () => {
  const { link, tell } = stationStandIn({
    models: () => ({ models: [], damaged: [] }),
    runs: () => ({ runs: [earlier], damaged: [] }),
    about: () => ({ networks: [] }),
  });
  const training = new Training(link, new Toasts(() => 'training'));
  expect(training.draft.settings.epochs).toBe(hyperParametersSchema.parse({}).epochs);
  await vi.waitFor(() => expect(training.runs).toHaveLength(1));
  training.refreshDraft();
  expect(training.draft).toMatchObject({ network: 'resnet18', hasPromise: true, targetEpsilon: 3 });
  expect(training.draft.settings).toMatchObject({ epochs: 60, privacy: null });
  training.draft.settings.epochs = 7;
  training.refreshDraft();
  expect(training.draft.settings.epochs).toBe(7);
  tell('run-changed', {
    ...earlier,
    id: '2',
    startedAt: '2026-01-02',
    hyperParameters: hyperParametersSchema.parse({ epochs: 3 }),
  });
  training.refreshDraft();
  expect(training.draft).toMatchObject({ hasPromise: false, settings: { epochs: 3 } });
});

test('a run whose record is damaged is told, and can be deleted', async () => {
  const { link } = stationStandIn({
    models: () => ({ models: [], damaged: [] }),
    runs: () => ({ runs: [], damaged: ['ab12'] }),
    about: () => ({ networks: [] }),
    'delete-run': () => ({}),
  });
  const training = new Training(link, new Toasts(() => 'training'));
  await vi.waitFor(() => expect(training.damaged).toEqual(['ab12']));
  await training.delete('ab12');
  expect(training.damaged).toEqual([]);
});
