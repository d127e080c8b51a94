// The thread that draws a network's first weights; its parent wrote what it is given.
import { parentPort, workerData } from 'node:worker_threads';
import { drawn } from './weight-draw.ts';
import type { DrawnWeights, WeightsWanted } from './weights-aside.ts';

const { draws, seed } = workerData as WeightsWanted;
const weights: DrawnWeights = draws.map((draw) => [draw.name, drawn(draw, seed) as Float32Array<ArrayBuffer>]);
parentPort?.postMessage(
  weights,
  weights.map(([, values]) => values.buffer),
);
