// An ensemble is measured as what its members say together, each of the same examples as it sees them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Network, networkSchema } from '../../../src/contract/network.ts';
import { encodeTensorFile, float32Tensor } from '../../../src/contract/safetensors.ts';
import { softVote } from '../../../src/contract/soft-vote.ts';
import {
  initialWeights,
  metricsOf,
  startTrainer,
  type TrainerProcess,
  weightSpecifications,
} from '../../../src/trainer/client.ts';
import { disks, disksNetwork } from './disks.ts';
import { stripes, stripesNetwork, writeDataset } from './stripes.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let trainer: TrainerProcess;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-votes-'));
  trainer = startTrainer();
});
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

const normalisation = { mean: 0.5, standardDeviation: 0.25 };
/** The same layers under another name: a session of its own. */
const otherNetwork: Network = networkSchema.parse({ ...stripesNetwork, name: 'other', description: 'Another.' });

function weightsOf(network: Network, seed: number): string {
  const values = initialWeights(network, 2, seed);
  const tensors = new Map(
    weightSpecifications(network, 2).map(({ name, shape }) => [name, float32Tensor(values.get(name)!, shape)]),
  );
  const file = path.join(folder, `${network.name}-${seed}`);
  writeFileSync(file, encodeTensorFile({ tensors, metadata: {} }));
  return file;
}

function datasetOf(name: string, data: ReturnType<typeof stripes>): string {
  const file = path.join(folder, name);
  writeDataset(file, data);
  return file;
}

const order = { job: 'evaluate', split: 'test', engine: 'compiled', provider: 'cpu', threads: 1 } as const;

it('the vote is the mean of what each says alone, and each is measured, too', async () => {
  const datasetFile = datasetOf('stripes', stripes());
  const voters = [
    { datasetFile, network: stripesNetwork, weightsFile: weightsOf(stripesNetwork, 1), normalisation },
    { datasetFile, network: stripesNetwork, weightsFile: weightsOf(stripesNetwork, 2), normalisation },
    {
      // The same images in the eyes of a model that has them otherwise prepared.
      datasetFile: datasetOf('stripes-again', stripes({ seed: 1 })),
      network: otherNetwork,
      weightsFile: weightsOf(otherNetwork, 3),
      normalisation: { mean: 0.4, standardDeviation: 0.5 },
    },
  ];
  const alone = [];
  for (const voter of voters) alone.push(await trainer.evaluate({ ...order, ...voter }));
  const [first, ...others] = voters;
  const together = await trainer.evaluate({ ...order, ...first!, others });
  expect(together.probabilities).toEqual(softVote(alone.map(({ probabilities }) => probabilities)));
  expect(together.votes).toEqual(alone.map(({ metrics }) => metrics));
  const { labels, patients, probabilities } = together;
  expect(together.metrics).toEqual(
    metricsOf(probabilities, Int32Array.from(labels), patients, stripes({ examples: 2 }).header.classes),
  );
});

it('masks are averaged pixel by pixel', async () => {
  const datasetFile = datasetOf('disks', disks(24));
  const voter = (seed: number) => ({
    datasetFile,
    network: disksNetwork,
    weightsFile: weightsOf(disksNetwork, seed),
    normalisation,
  });
  const { metrics } = await trainer.evaluate({ ...order, ...voter(4) });
  const twice = await trainer.evaluate({ ...order, ...voter(4), others: [voter(4)] });
  expect(twice.metrics).toEqual(metrics);
  const mixed = await trainer.evaluate({ ...order, ...voter(4), others: [voter(5)] });
  expect(mixed.metrics).not.toEqual(metrics);
  expect(mixed.votes[0]).toEqual(metrics);
});

it('images that one voter has and another has not are no ground for a vote', async () => {
  const [network, weightsFile] = [stripesNetwork, weightsOf(stripesNetwork, 1)];
  const voter = (examples: number) => ({
    datasetFile: datasetOf(`of-${examples}`, stripes({ examples })),
    network,
    weightsFile,
    normalisation,
  });
  await expect(trainer.evaluate({ ...order, ...voter(120), others: [voter(96)] })).rejects.toMatchObject({ code: 369 });
});
