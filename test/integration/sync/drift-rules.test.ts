// FedProx and SCAFFOLD with the product's trainer, hub and sites: what equals what, to the last bit (E8), and that they do something.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { projectSchema } from '../../../src/contract/federation.ts';
import { localHyperParameters } from '../../../src/station/federated-schedule.ts';
import { writeFileDurably } from '../../../src/station/home/durable-file.ts';
import { decodeWeights, encodeWeights, type Weights } from '../../../src/sync/aggregation/weights.ts';
import { openHub } from '../../../src/sync/hub/hub.ts';
import type { SiteWork } from '../../../src/sync/site/site-work.ts';
import {
  initialWeights,
  startTrainer,
  type TrainerProcess,
  weightSpecifications,
} from '../../../src/trainer/client.ts';
import { stripes, stripesNetwork, writeDataset } from '../trainer/stripes.ts';
import { openBench, practiceProject, practiceWork, until } from './federation-fixture.ts';

// Real training on a busy machine: slow is not wrong.
vi.setConfig({ testTimeout: 180_000 });

const names = ['Lyon', 'Oslo'];
const classes = ['along', 'across'];
const bench = openBench();
let folder: string;
let trainer: TrainerProcess;
let jobs = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-drift-'));
  for (const [index, name] of names.entries()) writeDataset(path.join(folder, name), stripes({ seed: 11 + index }));
  trainer = startTrainer();
});
afterEach(() => bench.close());
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});

const specifications = weightSpecifications(stripesNetwork, classes.length);
function firstWeights(): Uint8Array {
  const values = initialWeights(stripesNetwork, classes.length, 3);
  return encodeWeights(
    new Map(specifications.map(({ name, shape }) => [name, { shape: [...shape], values: values.get(name)! }])),
  );
}

/** As the station trains, on a data set that lies there already. */
function trainedBy(name: string): SiteWork {
  return {
    ...practiceWork({ step: 0 }),
    layoutOf: () => specifications,
    datasetFingerprint: async () => createHash('sha256').update(name).digest('hex'),
    async trainUpdate({ project, trunkWeights, trunkVersion, turn, controlVariates }) {
      const runFolder = path.join(folder, `job-${(jobs += 1)}`);
      const file = (part: string, bytes: Uint8Array | null): string | null => {
        if (bytes === null) return null;
        writeFileDurably(path.join(folder, `${part}-${jobs}`), bytes);
        return path.join(folder, `${part}-${jobs}`);
      };
      const outcome = await trainer.train({
        job: 'train',
        runFolder,
        datasetFile: path.join(folder, name),
        network: project.network,
        hyperParameters: localHyperParameters(project, trunkVersion),
        seed: (project.seed + 7_919 * (turn + 1)) >>> 0,
        provider: 'cpu',
        threads: 1,
        initialWeightsFile: file('trunk', trunkWeights),
        controlVariates: controlVariates && {
          siteFile: file('site-variate', controlVariates.site),
          trunkFile: file('trunk-variate', controlVariates.trunk),
        },
        evaluate: false,
      });
      const { controlVariateFile } = outcome;
      return {
        weights: readFileSync(outcome.weightsFile),
        examples: outcome.examples,
        loss: outcome.epochs.at(-1)!.loss,
        ...(controlVariateFile !== null && { controlVariate: readFileSync(controlVariateFile) }),
      };
    },
  };
}

/** The trunk after two rounds of both sites. */
async function trunkAfter(
  changes: { hyperParameters?: object; controlVariates?: boolean },
  commits = 2,
): Promise<Weights> {
  const project = projectSchema.parse({
    ...practiceProject({ commits, peerModels: false, rule: { bufferSize: 2, rounds: true } }),
    classes,
    network: stripesNetwork,
    controlVariates: changes.controlVariates,
    hyperParameters: {
      optimiser: 'sgd',
      learningRate: 0.05,
      epochs: 2,
      augment: false,
      schedule: 'constant',
      ...changes.hyperParameters,
    },
  });
  const hub = await openHub({ folder: bench.folder(), port: 0, project, initialWeights: firstWeights() });
  const sites = [];
  for (const name of names) {
    const site = await bench.site(name, trainedBy(name));
    sites.push(site);
    const { federation } = await site.join(await hub.createInvite());
    await until('the project is here', () => site.memberships()[0]?.project);
    await site.approve(federation, 'stripes');
  }
  await until('the project is finished', async () => (await hub.status()).trunkVersion === commits, 120_000);
  const trunk = decodeWeights((await hub.trunkWeights())!);
  for (const site of sites) await site.close();
  await hub.close();
  return trunk;
}

it('FedProx with μ = 0 is FedAvg, bit for bit, and with another μ it is not', async () => {
  const fedAvg = await trunkAfter({});
  expect(await trunkAfter({ hyperParameters: { proximalStrength: 0 } })).toEqual(fedAvg);
  expect(await trunkAfter({ hyperParameters: { proximalStrength: 1 } })).not.toEqual(fedAvg);
});

it('SCAFFOLD is FedAvg, bit for bit, while all control variates are 0, and not afterwards', async () => {
  expect(await trunkAfter({ controlVariates: true }, 1)).toEqual(await trunkAfter({}, 1));
  expect(await trunkAfter({ controlVariates: true })).not.toEqual(await trunkAfter({}));
});
