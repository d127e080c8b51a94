// Weights and sites for the tests of aggregation.
import * as fc from 'fast-check';
import {
  type TrunkRule,
  trunkRuleSchema,
  type UpdateForm,
  updateFormSchema,
} from '../../../../src/contract/federation.ts';
import type { Weights } from '../../../../src/sync/aggregation/weights.ts';
import { seededRandom } from '../../../../src/sync/aggregation/seeded-random.ts';

/** A project's rule with everything at its default but the given. */
export function commitRule(changes: Partial<TrunkRule> = {}): TrunkRule {
  return { ...trunkRuleSchema.parse({ bufferSize: 1 }), ...changes };
}

/** With everything else as projects have it that say nothing of it. */
export function updateForm(updateCodec: UpdateForm['updateCodec']): UpdateForm {
  return updateFormSchema.parse({ updateCodec });
}

/** Weights of one matrix and one vector. */
export function weightsOf(values: ArrayLike<number>): Weights {
  const all = Float32Array.from(values);
  return new Map([
    ['dense/kernel', { shape: [2, (all.length - 1) / 2], values: all.slice(0, -1) }],
    ['dense/bias', { shape: [1], values: all.slice(-1) }],
  ]);
}

export function flat(weights: Weights): number[] {
  return [...weights.values()].flatMap(({ values }) => [...values]);
}

/** Euclidean norm of all of them. */
export const normOf = (weights: Weights): number => Math.hypot(...flat(weights));

/** Values of an update as training makes them, with the awkward ones among them. */
export const updateValues = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 9, maxLength: 9 });

/** A linear regression on data of its own per site: y = x·w + noise. */
export interface RegressionSite {
  readonly name: string;
  readonly rows: readonly Float64Array[];
  readonly targets: readonly number[];
}

export function regressionSites(names: readonly string[], features: number, seed: number): RegressionSite[] {
  const random = seededRandom(seed);
  const centred = () => random() + random() - 1;
  const truth = Float64Array.from({ length: features }, centred);
  return names.map((name, site) => {
    const rows = Array.from({ length: 12 + 9 * site }, () =>
      Float64Array.from({ length: features }, (_, index) => (index === features - 1 ? 1 : centred() + site / 4)),
    );
    const targets = rows.map((row) => dot(row, truth) + centred() / 10);
    return { name, rows, targets };
  });
}

/** Gradient of half the mean squared error at `weights`. */
export function gradient(weights: ArrayLike<number>, { rows, targets }: Omit<RegressionSite, 'name'>): Float64Array {
  const sum = new Float64Array(weights.length);
  rows.forEach((row, example) => {
    const error = dot(row, weights) - targets[example]!;
    for (let index = 0; index < sum.length; index += 1) sum[index]! += (error * row[index]!) / rows.length;
  });
  return sum;
}

function dot(row: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < row.length; index += 1) sum += row[index]! * weights[index]!;
  return sum;
}

/** Distance of two lists relative to the second's size. */
export function relativeDistance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let index = 0; index < expected.length; index += 1) {
    difference += (found[index]! - expected[index]!) ** 2;
    size += expected[index]! ** 2;
  }
  return Math.sqrt(difference / size);
}
