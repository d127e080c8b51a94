import { expect, it } from 'vitest';
import { isOutOfMemory } from '../../../../src/trainer/engines/faults.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';
import { fittingBatchSize, trainingBytes } from '../../../../src/trainer/run/fit-batch.ts';
import { fileBytesOf } from '../../../../src/trainer/run/free-memory.ts';

const resnet = planNetwork(resolveNetwork('resnet18'), 2);
const asked = { batchSize: 64, optimiser: 'adam' } as const;

it('takes the batch asked for where there is memory, halves it where there is not, and ends at one', () => {
  const needed = trainingBytes(resnet, 64, 'adam');
  expect(fittingBatchSize(resnet, asked, needed * 2)).toBe(64);
  const short = fittingBatchSize(resnet, asked, needed / 2);
  expect(short).toBeLessThan(64);
  expect(trainingBytes(resnet, short, 'adam')).toBeLessThanOrEqual((needed / 2) * 0.7);
  expect(fittingBatchSize(resnet, asked, 1)).toBe(1);
});

it('tells a fault of memory from others', () => {
  expect(isOutOfMemory(new Error('A training step failed on cpu: std::bad_alloc.'))).toBe(true);
  expect(isOutOfMemory(new Error('Failed to allocate memory for requested buffer of size 9'))).toBe(true);
  expect(isOutOfMemory(new Error('The data set file cannot be read.'))).toBe(false);
});

it('finds the files kept in memory in the statistics of both versions of control groups', () => {
  const first = 'cache 9\ninactive_file 1\nactive_file 2\ntotal_inactive_file 30\ntotal_active_file 4\n';
  expect(fileBytesOf(first)).toBe(34);
  expect(fileBytesOf('anon 7\nfile 8\ninactive_file 5\nactive_file 2\n')).toBe(7);
  expect(fileBytesOf('')).toBe(0);
});
