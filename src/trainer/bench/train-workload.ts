// Measures the compiled engine on the workloads of the PyTorch reference, in the same fields.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Workload, workloadNames } from '../../contract/bench.ts';
import { faultValueOf } from '../../contract/fault.ts';
import { type HyperParameters, hyperParametersSchema, providerNames } from '../../contract/training.ts';
import type { NamedTensors, ProviderName, SessionOptions, TrainingSession } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import { resolveNetwork } from '../networks/catalogue.ts';
import { planNetwork } from '../networks/plan.ts';
import { initialWeightsAside } from '../networks/weights-aside.ts';
import { slotName } from '../networks/training-program.ts';
import { randomStream, standardNormals } from '../run/random.ts';
import { readReferenceRun, type ReferenceRun } from './reference-run.ts';

interface WorkloadSettings {
  readonly network: string;
  readonly batch: number;
  readonly classes: number;
  readonly loss: HyperParameters['loss'];
}

export const workloads = {
  'cnn-64': { network: 'cnn-small', batch: 32, classes: 6, loss: 'auto' },
  'resnet18-128': { network: 'resnet18', batch: 16, classes: 6, loss: 'auto' },
  'unet-128': { network: 'unet', batch: 8, classes: 1, loss: 'binary-cross-entropy' },
} as const satisfies Record<Workload, WorkloadSettings>;

export interface BenchOptions {
  readonly workload: Workload;
  readonly threads: number;
  readonly steps: number;
  readonly provider?: ProviderName;
  /** Folder of a run exported by PyTorch, to be repeated; else random images and weights from a fixed seed. */
  readonly from?: string;
}

/** The fields of the reference's JSON line. */
export interface BenchResult {
  readonly engine: string;
  readonly workload: Workload;
  readonly threads: number;
  readonly batch: number;
  /** Median without the first three steps. */
  readonly ms_per_step: number;
  readonly images_per_s: number;
  readonly peak_rss_mb: number;
  readonly parameters: number;
  readonly losses: number[];
  /** Processor time of one step, all threads together: less disturbed by other programs than `ms_per_step`. */
  readonly cpu_ms_per_step: number;
  /** From the start of this process to the end of the first step. */
  readonly first_step_after_ms: number;
}

/** As the reference's, for runs that are not its own. */
const ownRun = { learningRate: 0.01, momentum: 0.9 };

export type OpenSession = (options: SessionOptions) => Promise<TrainingSession>;

/** Trains `steps` steps of SGD with momentum on one batch. Peak memory is that of the whole process. */
export async function benchTrain(options: BenchOptions): Promise<BenchResult> {
  const { workload, threads, steps, provider = 'cpu', from } = options;
  const run = runOf(workload, from);
  const engine = await openEngine({ engine: 'compiled', provider, threads });
  const session = await openWorkload(workload, run, async (options) => (await engine.open(options)).session);
  try {
    const times: number[] = [];
    let firstStepAfterMs = 0;
    let processor = process.cpuUsage();
    const losses: number[] = [];
    for (let step = 0; step < steps; step += 1) {
      const start = performance.now();
      const loss = await session.step(batchOf(run));
      times.push(performance.now() - start);
      losses.push(Number(loss.toFixed(6)));
      if (step === 0) {
        firstStepAfterMs = performance.now();
        processor = process.cpuUsage();
      }
    }
    const used = process.cpuUsage(processor);
    const warm = (times.length > 3 ? times.slice(3) : times).toSorted((a, b) => a - b);
    const median = warm[Math.floor(warm.length / 2)]!;
    return {
      engine: `imagiq compiled (${session.provider})`,
      workload,
      threads,
      batch: run.batch,
      ms_per_step: Number(median.toFixed(2)),
      images_per_s: Number(((run.batch / median) * 1e3).toFixed(1)),
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      parameters: planNetwork(resolveNetwork(workloads[workload].network), run.classes).parameters,
      losses,
      cpu_ms_per_step: Number(((used.user + used.system) / 1e3 / Math.max(1, steps - 1)).toFixed(2)),
      first_step_after_ms: Math.round(firstStepAfterMs),
    };
  } finally {
    await session.close();
  }
}

/** A session of this workload that holds the run's weights. */
export async function openWorkload(workload: Workload, run: ReferenceRun, open: OpenSession): Promise<TrainingSession> {
  const { network, loss } = workloads[workload];
  const session = await open({
    network: resolveNetwork(network),
    classes: run.classes,
    batchSize: run.batch,
    hyperParameters: hyperParametersSchema.parse({ optimiser: 'sgd', momentum: run.momentum, loss }),
    classWeights: null,
  });
  session.setWeights(await run.weights);
  return session;
}

/** The gradient of a run's first step: the momentum after it. */
export async function firstGradient(
  workload: Workload,
  run: ReferenceRun,
  open: OpenSession,
): Promise<{ loss: number; gradient: NamedTensors }> {
  const session = await openWorkload(workload, run, open);
  try {
    const loss = await session.step(batchOf(run));
    const prefix = slotName('momentum', '');
    const slots = [...session.optimiserState()].filter(([name]) => name.startsWith(prefix));
    return { loss, gradient: new Map(slots.map(([name, values]) => [name.slice(prefix.length), values])) };
  } finally {
    await session.close();
  }
}

export function batchOf({ images, labels, batch, learningRate }: ReferenceRun): Parameters<TrainingSession['step']>[0] {
  return { images, labels, exampleWeights: new Float32Array(batch).fill(1), learningRate };
}

function runOf(workload: Workload, from: string | undefined): ReferenceRun {
  const { network: name, batch, classes } = workloads[workload];
  const network = resolveNetwork(name);
  if (from !== undefined) return readReferenceRun(from, network);
  const { height, width, channels } = network.input;
  const random = randomStream(8);
  return {
    batch,
    classes,
    images: standardNormals(randomStream(7), batch * height * width * channels),
    labels:
      network.task === 'segmentation'
        ? Uint8Array.from({ length: batch * height * width }, () => random.below(2))
        : Int32Array.from({ length: batch }, (_, index) => index % classes),
    weights: initialWeightsAside(network, classes, 7),
    ...ownRun,
    losses: [],
  };
}

// Run by itself, with the reference's own options: a process of its own, so that its memory is its own.
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      workload: { type: 'string', default: 'cnn-64' },
      threads: { type: 'string', default: '1' },
      steps: { type: 'string', default: '20' },
      provider: { type: 'string', default: 'cpu' },
      from: { type: 'string' },
    },
  });
  const options = z
    .object({
      workload: z.enum(workloadNames),
      threads: z.coerce.number().int().min(1).max(64),
      steps: z.coerce.number().int().min(1),
      provider: z.enum(providerNames),
      from: z.string().exactOptional(),
    })
    .parse(values);
  // A fault goes to the parent as a value: it is for a person, not a stack.
  const answer = await benchTrain(options).catch((error: unknown) => ({ fault: faultValueOf(error) }));
  console.log(JSON.stringify(answer));
}
