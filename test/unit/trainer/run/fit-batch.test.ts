import { expect, it } from 'vitest';
import { isOutOfMemory } from '../../../../src/trainer/engines/faults.ts';
import { resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';
import { fittingBatchSize, trainingBytes } from '../../../../src/trainer/run/fit-batch.ts';

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
