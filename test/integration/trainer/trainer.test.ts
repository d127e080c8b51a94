// The trainer as a real process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Epoch, TrainJob, TrainProgress } from '../../../src/contract/training.ts';
import { decodeTensorFile, float32Values } from '../../../src/contract/safetensors.ts';
import {
  initialWeights,
  startTrainer,
  type TrainerProcess,
  weightSpecifications,
} from '../../../src/trainer/client.ts';
import { readWeightsFile } from '../../../src/trainer/run/weights-file.ts';
import { stripes, stripesJob, stripesNetwork, writeDataset } from './stripes.ts';

// Real processes on a busy machine: slow is not wrong.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let datasetFile: string;
let trainer: TrainerProcess;
const exits: string[] = [];
let runs = 0;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-trainer-'));
  datasetFile = path.join(folder, 'stripes.safetensors');
  writeDataset(datasetFile, stripes());
  trainer = startTrainer({ onExit: (how) => exits.push(how) });
});
afterAll(() => {
  trainer.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  exits.length = 0;
});

const newRunFolder = (): string => path.join(folder, `run-${runs++}`);
const job = (options: Parameters<typeof stripesJob>[1] = {}): TrainJob =>
  stripesJob({ runFolder: newRunFolder(), datasetFile }, options);

describe('training', () => {
  it('with control variates gives the next one: the mean gradient of its steps', async () => {
    const order = job({
      controlVariates: { siteFile: null, trunkFile: null },
      hyperParameters: { optimiser: 'sgd', momentum: 0.5, epochs: 2, schedule: 'cosine' },
      evaluate: false,
    });
    const { weightsFile, controlVariateFile, steps } = await trainer.train(order);
    const specifications = weightSpecifications(stripesNetwork, 2);
    const end = readWeightsFile(weightsFile, specifications);
    const start = initialWeights(stripesNetwork, 2, order.seed);
    let learningRates = 0;
    for (let step = 0; step < steps; step += 1) learningRates += 0.005 * (1 + Math.cos((Math.PI * step) / steps));
    const variate = decodeTensorFile(readFileSync(controlVariateFile!)).tensors;
    expect([...variate.keys()]).toEqual(
      specifications.filter(({ kind }) => kind === 'trainable').map(({ name }) => name),
    );
    for (const [name, tensor] of variate) {
      float32Values(tensor).forEach((value, index) => {
        const moved = start.get(name)![index]! - end.get(name)![index]!;
        expect(value).toBeCloseTo((moved * 0.5) / learningRates, 4);
      });
    }
    // Asked again, a complete run has it still.
    expect((await trainer.train(order)).controlVariateFile).toBe(controlVariateFile);
    const other = {
      ...order,
      runFolder: newRunFolder(),
      controlVariates: { siteFile: controlVariateFile, trunkFile: null },
    };
    const corrected = await trainer.train(other);
    expect(readFileSync(corrected.weightsFile)).not.toEqual(readFileSync(weightsFile));
  });

  it('learns, tells its progress and leaves weights that evaluate the same', async () => {
    const progress: TrainProgress[] = [];
    const epochs: Epoch[] = [];
    const outcome = await trainer.train(job(), {
      onProgress: (news) => progress.push(news),
      onEpoch: (epoch) => epochs.push(epoch),
    });
    expect(outcome.test?.accuracy?.value).toBeGreaterThan(0.9);
    expect(outcome.epochs).toEqual(epochs);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(outcome).toMatchObject({ examples: 160, steps: 60, provider: 'cpu', stoppedEarly: false });
    expect(progress[0]?.state).toBe('preparing');
    expect(progress.at(-1)).toMatchObject({ step: 60, steps: 60, device: 'cpu' });

    const evaluation = await trainer.evaluate({
      job: 'evaluate',
      datasetFile,
      network: stripesNetwork,
      weightsFile: outcome.weightsFile,
      split: 'test',
      engine: 'compiled',
      provider: 'cpu',
      threads: 1,
      operatingPoint: outcome.operatingPoint,
      isExplained: true,
      // The split goes by the patient's number modulo 6: each split has patients of both groups.
      groups: [
        {
          by: 'sex',
          names: ['F', 'M'],
          groupOf: Int32Array.from({ length: 1_000 }, (_, patient) => Math.floor(patient / 6) % 2),
        },
      ],
    });
    expect(evaluation.metrics).toEqual(outcome.test);
    expect(evaluation.metrics.perClass[1]?.atThreshold?.sensitivity?.value).toBeGreaterThan(0.8);
    expect(evaluation.report?.groups.map(({ name }) => name)).toEqual(['F', 'M']);
    expect(evaluation.report?.curves).toHaveLength(2);
    expect(evaluation.probabilities).toHaveLength(2 * evaluation.labels.length);
    expect(evaluation.patients).toHaveLength(evaluation.labels.length);
  });

  it('gives the same weights for the same job, and others for another seed', async () => {
    const settings = { hyperParameters: { epochs: 2 } };
    const [first, second, third] = [
      await trainer.train(job(settings)),
      await trainer.train(job(settings)),
      await trainer.train(job({ ...settings, seed: 8 })),
    ];
    expect(readFileSync(second.weightsFile)).toEqual(readFileSync(first.weightsFile));
    expect(readFileSync(third.weightsFile)).not.toEqual(readFileSync(first.weightsFile));
  });

  it('tells a complete run’s outcome again without training it', async () => {
    const specification = job({ hyperParameters: { epochs: 2 } });
    const outcome = await trainer.train(specification);
    const epochs: Epoch[] = [];
    expect(await trainer.train(specification, { onEpoch: (epoch) => epochs.push(epoch) })).toEqual(outcome);
    expect(epochs).toEqual(outcome.epochs);
  });

  it('ends when its patience ends, with the weights of the best epoch', async () => {
    // A rate that soon makes it worse.
    const outcome = await trainer.train(
      job({ hyperParameters: { epochs: 40, learningRate: 0.3, schedule: 'constant', patience: 2 } }),
    );
    expect(outcome).toMatchObject({ ending: 'patience', stoppedEarly: false });
    expect(outcome.epochs.length).toBe(outcome.bestEpoch! + 2);
    expect(outcome.epochs.length).toBeLessThan(40);
    expect(outcome.test).not.toBeNull();
  });

  it('takes a smaller batch where memory is short, says so, and keeps it when the run is resumed', async () => {
    // The figure is given: what the trainer makes of it is what is tested.
    const short = startTrainer();
    const specification = job({ fitMemory: true, hyperParameters: { epochs: 2, batchSize: 4 } });
    const notes: string[] = [];
    const abort = new AbortController();
    // The process starts with its first job, with the environment of that moment.
    vi.stubEnv('IMAGIQ_MEMORY_BYTES', '1000000');
    const stopped = short.train(specification, {
      signal: abort.signal,
      onNote: (note) => notes.push(note),
      onEpoch: () => abort.abort(),
    });
    vi.unstubAllEnvs();
    expect(await stopped).toMatchObject({ stoppedEarly: true, batchSize: 1 });
    expect(notes.join()).toContain('1 instead of 4');
    short.close();
    // Resumed where there is memory enough.
    expect(await trainer.train(specification)).toMatchObject({ stoppedEarly: false, batchSize: 1, steps: 320 });
  });

  it('goes on from given weights', async () => {
    const first = await trainer.train(job());
    const second = await trainer.train(
      job({
        initialWeightsFile: first.weightsFile,
        hyperParameters: { epochs: 1, learningRate: 1e-6, proximalStrength: 0.1 },
      }),
    );
    expect(second.test?.accuracy?.value).toBeGreaterThan(0.9);
  });
});

describe('interruptions', () => {
  const settings = { evaluate: true, hyperParameters: { epochs: 4, optimiser: 'adam' } };

  it('a run whose process is killed in the middle of an epoch ends in the same weights as an unbroken one', async () => {
    const unbroken = await trainer.train(job(settings));
    // Slowed down, so that the kill hits an epoch and not its end.
    const broken = job({ ...settings, idleShare: 0.9 });
    const killed = trainer.train(broken, {
      onEpoch: ({ epoch }) => {
        if (epoch === 2) setTimeout(() => process.kill(trainer.processId!, 'SIGKILL'), 40);
      },
    });
    await expect(killed).rejects.toMatchObject({ code: 358, retry: 'now' });
    expect(exits).toEqual(['ended by SIGKILL']);
    const resumed = await trainer.train({ ...broken, idleShare: 0 });
    expect(readFileSync(resumed.weightsFile)).toEqual(readFileSync(unbroken.weightsFile));
    expect(resumed.epochs).toEqual(unbroken.epochs);
    expect(resumed.test).toEqual(unbroken.test);
  });

  it.each([
    ['SGD, steps and a warm-up', { optimiser: 'sgd', schedule: 'step', stepEpochs: 2, warmupSteps: 7, epochs: 4 }],
    ['AdamW and a cosine', { optimiser: 'adamw', weightDecay: 0.01, schedule: 'cosine', epochs: 4 }],
    ['early stopping', { optimiser: 'adam', schedule: 'constant', learningRate: 0.3, patience: 1, epochs: 30 }],
  ])('killed twice, at points of its own, a run with %s ends as an unbroken one', async (_, hyperParameters) => {
    const unbroken = await trainer.train(job({ hyperParameters }));
    const broken = job({ hyperParameters, idleShare: 0.8 });
    for (const [epochsTold, delayMs] of [
      [1, 30],
      [2, 65],
    ] as const) {
      const killed = trainer.train(broken, {
        onEpoch: ({ epoch }) => {
          if (epoch === epochsTold) setTimeout(() => process.kill(trainer.processId!, 'SIGKILL'), delayMs);
        },
      });
      await expect(killed).rejects.toMatchObject({ code: 358 });
    }
    const resumed = await trainer.train({ ...broken, idleShare: 0 });
    expect(readFileSync(resumed.weightsFile)).toEqual(readFileSync(unbroken.weightsFile));
    expect(resumed.epochs).toEqual(unbroken.epochs);
    expect(resumed).toMatchObject({ ending: unbroken.ending, bestEpoch: unbroken.bestEpoch, steps: unbroken.steps });
  });

  it('a hold keeps the run between two steps, says why, and is no pause', async () => {
    const states: (string | null)[] = [];
    const outcome = await trainer.train(job({ ...settings, idleShare: 0.5 }), {
      onEpoch: ({ epoch }) => {
        if (epoch === 1) trainer.hold('the workstation is in use');
      },
      onProgress: ({ state, waitsFor }) => {
        if (state !== 'waiting') return;
        states.push(waitsFor);
        trainer.hold(null);
      },
    });
    expect(states).toEqual(['the workstation is in use']);
    expect(outcome).toMatchObject({ stoppedEarly: false, steps: 40, ending: 'all-epochs' });
  });

  it('a job that comes while work is held waits for its end', async () => {
    trainer.hold('it is not yet night');
    const outcome = await trainer.train(job({ hyperParameters: { epochs: 1 } }), {
      onProgress: ({ state, step }) => {
        if (state !== 'waiting') return;
        expect(step).toBe(0);
        trainer.hold(null);
      },
    });
    expect(outcome.steps).toBe(10);
  });

  it('a run whose process is killed while it is paused goes on from the step of the pause', async () => {
    const unbroken = await trainer.train(job(settings));
    const broken = job({ ...settings, idleShare: 0.9 });
    let pausedAt = 0;
    const killed = trainer.train(broken, {
      onEpoch: ({ epoch }) => {
        if (epoch === 2) setTimeout(() => trainer.pause(), 100);
      },
      onProgress: ({ state, step }) => {
        if (state !== 'paused') return;
        pausedAt = step;
        process.kill(trainer.processId!, 'SIGKILL');
      },
    });
    await expect(killed).rejects.toMatchObject({ code: 358 });
    const steps: number[] = [];
    const resumed = await trainer.train({ ...broken, idleShare: 0 }, { onProgress: ({ step }) => steps.push(step) });
    expect(pausedAt).toBeGreaterThan(20);
    expect(steps[0]).toBe(pausedAt);
    expect(readFileSync(resumed.weightsFile)).toEqual(readFileSync(unbroken.weightsFile));
  });

  it('a trainer whose parent is killed ends itself', async () => {
    const specification = job({ ...settings, idleShare: 0.9, hyperParameters: { epochs: 1_000 } });
    const parent = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'parent.ts'), JSON.stringify(specification)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = (await Promise.race([once(parent.stdout, 'data'), once(parent, 'exit')])) as [Buffer | number];
    const processId = Number(String(line));
    expect(isAlive(processId)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(processId)).toBe(false), { timeout: 60_000 });
  });

  it('a run stopped between two steps and started again ends in the same weights as an unbroken one', async () => {
    const unbroken = await trainer.train(job(settings));
    const broken = job({ ...settings, idleShare: 0.9 });
    const abort = new AbortController();
    const stopped = await trainer.train(broken, {
      signal: abort.signal,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) setTimeout(() => abort.abort(), 100);
      },
    });
    expect(stopped.stoppedEarly).toBe(true);
    expect(stopped.steps).toBeGreaterThan(20);
    expect(stopped.steps).toBeLessThan(40);
    const resumed = await trainer.train({ ...broken, idleShare: 0 });
    expect(resumed.stoppedEarly).toBe(false);
    expect(readFileSync(resumed.weightsFile)).toEqual(readFileSync(unbroken.weightsFile));
  });

  it('a damaged checkpoint costs the time since the one before, never the run', async () => {
    const unbroken = await trainer.train(job(settings));
    const broken = job(settings);
    const abort = new AbortController();
    await trainer.train(broken, {
      signal: abort.signal,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) abort.abort();
      },
    });
    truncateSync(path.join(broken.runFolder, 'checkpoint'), 500);
    const resumed = await trainer.train(broken);
    expect(readFileSync(resumed.weightsFile)).toEqual(readFileSync(unbroken.weightsFile));
  });

  it('a pause holds until it is resumed', async () => {
    const states: string[] = [];
    let pausedAt = 0;
    const outcome = await trainer.train(job({ ...settings, idleShare: 0.5 }), {
      onEpoch: ({ epoch }) => {
        if (epoch === 1) trainer.pause();
      },
      onProgress: ({ state, step }) => {
        states.push(state);
        if (state === 'paused') {
          pausedAt = step;
          trainer.resume();
        }
      },
    });
    expect(states).toContain('paused');
    expect(pausedAt).toBeLessThan(40);
    expect(outcome.stoppedEarly).toBe(false);
    expect(outcome.steps).toBe(40);
  });

  it('jobs wait for one another, and a waiting one can be withdrawn', async () => {
    const abort = new AbortController();
    const first = trainer.train(job(settings));
    const second = trainer.train(job(settings), { signal: abort.signal });
    const third = trainer.train(job(settings));
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: 361 });
    expect((await first).stoppedEarly).toBe(false);
    expect((await third).stoppedEarly).toBe(false);
  });
});

/** Whether a process is there and not merely waiting to be collected by its parent. */
function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  const status = `/proc/${processId}/stat`;
  return !existsSync(status) || !/\) [ZX] /.test(readFileSync(status, 'utf8'));
}

describe('bad input', () => {
  const spoiled: string[] = [];
  afterEach(() => {
    for (const file of spoiled.splice(0)) rmSync(file, { force: true });
  });
  const spoiledDataset = (spoil: (dataset: ReturnType<typeof stripes>) => void): string => {
    const file = path.join(folder, `spoiled-${runs++}.safetensors`);
    const dataset = stripes();
    spoil(dataset);
    writeDataset(file, dataset);
    spoiled.push(file);
    return file;
  };

  it('a loss that is no longer a number ends the run with its last checkpoint kept', async () => {
    // Weight decay times a learning rate above 2 makes the weights grow at every step, until they overflow.
    const diverging = job({
      hyperParameters: {
        epochs: 50,
        optimiser: 'sgd',
        schedule: 'constant',
        batchSize: 80,
        learningRate: 2.2,
        momentum: 0,
        weightDecay: 1,
      },
    });
    await expect(trainer.train(diverging)).rejects.toMatchObject({
      code: 354,
      message: expect.stringContaining('learning rate'),
    });
    expect(existsSync(path.join(diverging.runFolder, 'checkpoint'))).toBe(true);
  });

  it('a learning rate of 10 ends the run with the step, the cause and what to do', async () => {
    const diverging = job({
      hyperParameters: { epochs: 60, optimiser: 'sgd', schedule: 'constant', learningRate: 10, weightDecay: 0.5 },
    });
    await expect(trainer.train(diverging)).rejects.toMatchObject({
      code: 354,
      retry: 'never',
      message: expect.stringMatching(
        /epoch \d+, step \d+ of 10.*images are sound.*learning rate of 10.*lower learning/,
      ),
    });
  });

  it.each([
    ['that does not exist', () => path.join(folder, 'absent.safetensors'), 350],
    [
      'that is not a tensor file',
      () => {
        const file = path.join(folder, 'text.safetensors');
        writeFileSync(file, 'sopInstanceUID,label\n');
        return file;
      },
      610,
    ],
    [
      'that is cut off',
      () => {
        const file = spoiledDataset(() => {});
        truncateSync(file, 20_000);
        return file;
      },
      610,
    ],
    ['without patients', () => spoiledDataset(({ tensors }) => tensors.delete('patients')), 351],
    [
      'with a label of no class',
      () => spoiledDataset(({ tensors }) => new Int32Array(tensors.get('labels')!.bytes.buffer).fill(2, 0, 1)),
      351,
    ],
    ['with an unknown split', () => spoiledDataset(({ tensors }) => tensors.get('split')!.bytes.fill(9)), 351],
    ['without training images', () => spoiledDataset(({ tensors }) => tensors.get('split')!.bytes.fill(2)), 353],
    ['whose header is not valid', () => spoiledDataset(({ header }) => Object.assign(header, { mean: 'grey' })), 351],
  ] as const)('a data set %s is refused', async (_, file, code) => {
    await expect(trainer.train({ ...job(), datasetFile: file() })).rejects.toMatchObject({ code });
  });

  it('images of another size than the network’s are refused', async () => {
    const specification = job();
    const network = { ...specification.network, input: { height: 32, width: 32, channels: 1 } };
    await expect(trainer.train({ ...specification, network })).rejects.toMatchObject({ code: 352 });
  });

  it('weights of another network are refused', async () => {
    const { weightsFile } = await trainer.train(job({ hyperParameters: { epochs: 1 } }));
    const wider = structuredClone(stripesNetwork);
    Object.assign(wider.layers[4]!, { filters: 9 });
    await expect(trainer.train({ ...job(), network: wider, initialWeightsFile: weightsFile })).rejects.toMatchObject({
      code: 355,
    });
  });

  it('an export that cannot be written leaves what was there, and says why', async () => {
    const { weightsFile } = await trainer.train(job({ hyperParameters: { epochs: 1 } }));
    const order = {
      job: 'export',
      network: stripesNetwork,
      classes: 2,
      weightsFile,
      mean: 0,
      standardDeviation: 1,
    } as const;
    const file = path.join(folder, 'exported.onnx');
    const bytes = await trainer.exportModel({ ...order, metadata: {}, file });
    expect(readFileSync(file)).toHaveLength(bytes);
    // Its place is taken by a folder.
    const taken = path.join(folder, 'taken.onnx');
    mkdirSync(path.join(taken, 'inside'), { recursive: true });
    await expect(trainer.exportModel({ ...order, metadata: {}, file: taken })).rejects.toMatchObject({ code: 366 });
    expect(readdirSync(taken)).toEqual(['inside']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const nowhere = path.join(folder, 'absent', 'model.onnx');
    await expect(trainer.exportModel({ ...order, metadata: {}, file: nowhere })).rejects.toMatchObject({
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('the folder of another run is refused', async () => {
    const first = job({ hyperParameters: { epochs: 1 } });
    await trainer.train(first);
    await expect(trainer.train({ ...first, seed: 99 })).rejects.toMatchObject({ code: 356 });
  });

  it('a message that is not a job is answered with a fault', async () => {
    const nonsense = { ...job(), threads: -1 };
    await expect(trainer.train(nonsense)).rejects.toMatchObject({ code: 362 });
  });
});

it('a process that refused jobs takes the next one', async () => {
  await expect(trainer.train({ ...job(), datasetFile: path.join(folder, 'absent') })).rejects.toMatchObject({
    code: 350,
  });
  const before = trainer.processId;
  expect((await trainer.train(job({ hyperParameters: { epochs: 1 } }))).steps).toBe(10);
  expect(trainer.processId).toBe(before);
  expect(exits).toEqual([]);
});

it('a closed trainer takes no job', async () => {
  const closed = startTrainer();
  closed.close();
  await expect(closed.train(job())).rejects.toMatchObject({ code: 359 });
});
