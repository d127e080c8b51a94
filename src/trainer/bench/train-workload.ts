// Measures the compiled engine on the workloads of the PyTorch reference, in the same fields.
import { parseArgs } from 'node:util';
import { hyperParametersSchema } from '../../contract/training.ts';
import { openEngine } from '../engines/open-engine.ts';
import { resolveNetwork } from '../networks/catalogue.ts';
import { planNetwork } from '../networks/plan.ts';
import { initialWeights } from '../networks/weights.ts';
import { randomStream, standardNormals } from '../run/random.ts';
import { readReferenceRun, type ReferenceRun } from './reference-run.ts';

export const workloads = {
  'cnn-64': { network: 'cnn-small', batch: 32 },
  'resnet18-128': { network: 'resnet18', batch: 16 },
} as const;
export type Workload = keyof typeof workloads;

export interface BenchOptions {
  readonly workload: Workload;
  readonly threads: number;
  readonly steps: number;
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
}

const classes = 6;
const learningRate = 0.01;

/** Trains `steps` steps of SGD with momentum 0.9 on one batch. Peak memory is that of the whole process. */
export async function benchTrain({ workload, threads, steps, from }: BenchOptions): Promise<BenchResult> {
  const { network: name, batch } = workloads[workload];
  const network = resolveNetwork(name);
  const run = from === undefined ? randomRun(name, batch) : readReferenceRun(from, network);
  const engine = await openEngine({ engine: 'compiled', provider: 'cpu', threads });
  const hyperParameters = hyperParametersSchema.parse({ optimiser: 'sgd', momentum: 0.9 });
  const session = await engine.open({
    network,
    classes: run.classes,
    batchSize: run.batch,
    hyperParameters,
    classWeights: null,
  });
  try {
    session.setWeights(run.weights);
    const exampleWeights = new Float32Array(run.batch).fill(1);
    const times: number[] = [];
    const losses: number[] = [];
    const processor = process.cpuUsage();
    for (let step = 0; step < steps; step += 1) {
      const start = performance.now();
      const loss = await session.step({ images: run.images, labels: run.labels, exampleWeights, learningRate });
      times.push(performance.now() - start);
      losses.push(Number(loss.toFixed(6)));
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
      parameters: planNetwork(network, run.classes).parameters,
      losses,
      cpu_ms_per_step: Number(((used.user + used.system) / 1e3 / steps).toFixed(2)),
    };
  } finally {
    await session.close();
  }
}

function randomRun(name: string, batch: number): ReferenceRun {
  const network = resolveNetwork(name);
  const { height, width, channels } = network.input;
  return {
    batch,
    classes,
    images: standardNormals(randomStream(7), batch * height * width * channels),
    labels: Int32Array.from({ length: batch }, (_, index) => index % classes),
    weights: initialWeights(network, classes, 7),
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
      from: { type: 'string' },
    },
  });
  const { workload, threads, steps, from } = values;
  if (!(workload in workloads)) throw new Error(`--workload is one of ${Object.keys(workloads).join(', ')}`);
  const options = { workload: workload as Workload, threads: Number(threads), steps: Number(steps) };
  console.log(JSON.stringify(await benchTrain(from === undefined ? options : { ...options, from })));
}
