import { expect, test, vi } from 'vitest';
import type { Model } from '../../../../src/contract/model.ts';
import { Models } from '../../../../src/renderer/models/models.svelte.ts';
import { Toasts } from '../../../../src/renderer/ui/toasts.svelte.ts';
import { stationStandIn } from '../station-stand-in.ts';

test('a model that could not be run is not told as run, though answers of an earlier one are there', async () => {
  let isHere = true;
  const { link } = stationStandIn({
    models: () => ({ models: [], damaged: [] }),
    'model-evaluations': () => ({ evaluations: [] }),
    'predict-studies'() {
      if (!isHere) throw new Error('The images are away.');
      return { images: [], failures: [] };
    },
  });
  const toasts = new Toasts(() => 'viewer');
  const models = new Models(link, toasts);
  await vi.waitFor(() => expect(models.models).toEqual([]));
  const model = { id: 'a1b2c3' } as Model;
  expect(await models.runOnStudies(model, ['1.2'], [])).toBe(true);
  isHere = false;
  expect(await models.runOnStudies(model, ['1.3'], [])).toBe(false);
  expect(toasts.shown).toHaveLength(1);
  expect(models.results?.model).toEqual(model);
});
