// Adding updates up: the hub's accumulator against a plain memory copy of the same bytes and against numpy in place.
import { spawnSync } from 'node:child_process';
import { openAccumulator } from '../../src/sync/aggregation/accumulator.ts';
import type { Weights } from '../../src/sync/aggregation/weights.ts';
import { type Measurement, median, moreIsBetter } from './measurement.ts';

/** Parameters of a ResNet-18, and how many updates of it are added. */
const parameters = 11_689_472;
const updates = 20;
const turns = 3;

const numpyScript = `
import numpy as np, time
n, k = ${parameters}, ${updates}
x = np.random.default_rng(1).standard_normal(n).astype(np.float32) * 1e-2
acc = np.zeros(n, np.float32); tmp = np.empty(n, np.float32)
t = time.perf_counter()
for i in range(k):
    np.multiply(x, np.float32(0.05), out=tmp); np.add(acc, tmp, out=acc)
print(n * 4 * k / (time.perf_counter() - t) / 1e9)
`;

export async function aggregation(): Promise<Measurement[]> {
  const values = new Float32Array(parameters);
  for (let index = 0; index < parameters; index += 1)
    values[index] = (((index * 2_654_435_761) >>> 0) / 2 ** 32 - 0.5) * 1e-2;
  const layout: Weights = new Map([['weights', { shape: [parameters], values }]]);
  const target = new Float32Array(parameters);
  const gigabytes = (parameters * 4 * updates) / 1e9;
  const timed = (work: () => void): number => {
    const started = performance.now();
    work();
    return gigabytes / ((performance.now() - started) / 1000);
  };
  const ours: number[] = [];
  const copy: number[] = [];
  const numpy: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    ours.push(
      timed(() => {
        const accumulator = openAccumulator(layout);
        for (let update = 0; update < updates; update += 1) accumulator.add(layout, 1 / updates);
      }),
    );
    copy.push(
      timed(() => {
        for (let update = 0; update < updates; update += 1) target.set(values);
      }),
    );
    const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...environment } = process.env;
    const result = spawnSync('/usr/bin/python3', ['-c', numpyScript], { encoding: 'utf8', env: environment });
    if (result.status === 0) numpy.push(Number(result.stdout));
  }
  const peers = [
    ...(numpy.length > 0 ? [{ name: 'numpy in place', value: median(numpy) }] : []),
    { name: 'memory copy', value: median(copy) },
  ];
  return [
    moreIsBetter(
      `${updates} updates of 11.7 M float32, any order, same bits`,
      'GB/s',
      median(ours),
      peers,
      'fixed-point, in float64',
    ),
  ];
}
