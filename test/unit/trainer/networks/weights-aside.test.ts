import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { initialWeightsAside } from '../../../../src/trainer/networks/weights-aside.ts';
import { initialWeights } from '../../../../src/trainer/networks/weights.ts';

function hashOf(weights: ReadonlyMap<string, Float32Array>): string {
  const hash = createHash('sha256');
  for (const [name, values] of weights) hash.update(name).update(values);
  return hash.digest('hex');
}

test.each(['cnn-small', 'unet'])('the first weights of %s that a thread draws are those drawn here', async (name) => {
  const network = resolveNetwork(name);
  expect(hashOf(await initialWeightsAside(network, 2, 5))).toBe(hashOf(initialWeights(network, 2, 5)));
});

test('the first weights of a seed stay what they were in earlier versions', () => {
  const hash = hashOf(initialWeights(resolveNetwork('cnn-small'), 2, 5));
  expect(hash).toBe('58a783c8465455a7063e9792c18b5bfd8c27d06ce1cea0808a401cd710cbab96');
});
