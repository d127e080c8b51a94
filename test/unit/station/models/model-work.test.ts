// What evaluating a model asks of cohorts and trainer, both stand-ins that note it.
import { expect, test } from 'vitest';
import type { Preprocessing } from '../../../../src/contract/preprocessing.ts';
import type { Cohorts } from '../../../../src/station/cohorts/cohorts.ts';
import { defaultPreprocessing } from '../../../../src/station/cohorts/preprocess.ts';
import type { Library } from '../../../../src/station/library/library.ts';
import { type ModelProgress, openModelWork } from '../../../../src/station/models/model-work.ts';
import type { ModelRegistry, StoredModel } from '../../../../src/station/models/model-registry.ts';
import type { WorkRules } from '../../../../src/station/neighbour/work-rules.ts';
import { resolveNetwork, type TrainerProcess } from '../../../../src/trainer/client.ts';

const definition = resolveNetwork('unet');
const preprocessing = defaultPreprocessing('segmentation', definition.input, 1);
const classes = ['background', 'hippocampus'];
const model = { task: 'segmentation', classes, input: { mean: 0.4, standardDeviation: 0.2, preprocessing } };

test('a model is measured on images that it sees as it saw its own, when the workstation lets it, and says why it waits', async () => {
  const chains: (Preprocessing | undefined)[] = [];
  const told: ModelProgress[] = [];
  const rules: WorkRules = {
    threads: () => 1,
    async turn({ onWait }) {
      onWait?.('the workstation runs on battery');
      onWait?.(null);
    },
  };
  const work = openModelWork({
    models: {
      voters: () => ({ model, voters: [{ model, definition, weightsFile: 'weights' } as unknown as StoredModel] }),
    } as unknown as ModelRegistry,
    cohorts: {
      show: () => ({ task: 'segmentation', classes: classes.map((name) => ({ name })) }),
      buildDataset: async (_name: string, { chain }: { chain?: Preprocessing }) => {
        chains.push(chain);
        return { file: 'data', header: { mean: 0, standardDeviation: 1, preprocessing: chain } };
      },
    } as unknown as Cohorts,
    trainer: { evaluate: async () => ({ report: 'measured', votes: [] }) } as unknown as TrainerProcess,
    datasets: 'datasets',
    rules,
    library: {} as Library,
    onProgress: (progress) => told.push(progress),
  });
  const asked = { id: 'm', cohort: 'heads', split: 'test', by: [], sensitivity: null } as const;
  expect((await work.evaluate(asked)).report).toBe('measured');
  expect(chains).toEqual([preprocessing]);
  expect(told.map(({ waitsFor }) => waitsFor)).toEqual([null, 'the workstation runs on battery', null, null]);
  await work.close();
});
