// Weights and optimiser state come from files and from the hub: names, sizes and nothing else must fit.
import type { ProgramInput } from '../networks/program.ts';
import { valueCount } from '../networks/plan.ts';
import { stateMisfit } from './faults.ts';

/** @throws Fault 323 unless `given` has each of these tensors in its size; further ones are refused as well. */
export function checkState(
  given: ReadonlyMap<string, Float32Array>,
  needed: readonly ProgramInput[],
  alsoAllowed = '',
): void {
  for (const { name, shape } of needed) {
    const values = given.get(name);
    if (values === undefined) throw stateMisfit(name, 'is missing');
    if (values.length !== valueCount(shape))
      throw stateMisfit(name, `has ${values.length} values, not ${valueCount(shape)}`);
  }
  const known = new Set(needed.map(({ name }) => name));
  const foreign = [...given.keys()].find((name) => !known.has(name) && name !== alsoAllowed);
  if (foreign !== undefined) throw stateMisfit(foreign, 'is not one of its tensors');
}

/** @throws Fault 323 unless `given` has each trainable weight in its size; what else it has does not matter. */
export function checkTrainable(given: ReadonlyMap<string, Float32Array>, trainable: readonly ProgramInput[]): void {
  const names = new Set(trainable.map(({ name }) => name));
  checkState(new Map([...given].filter(([name]) => names.has(name))), trainable);
}

/** Name of the step count within the optimiser's state: one value. */
export const stepCountName = 'step-count';
