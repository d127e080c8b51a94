import { expect, it } from 'vitest';
import { networkCatalogue, resolveNetwork } from '../../../../src/trainer/networks/catalogue.ts';
import { planNetwork } from '../../../../src/trainer/networks/plan.ts';
import { groupNormTwin, refuseBatchNorm } from '../../../../src/trainer/privacy/group-norm-twin.ts';

it('every bundled network has a twin without batch norm that can be built, by its name', () => {
  for (const { name } of networkCatalogue()) {
    const network = resolveNetwork(name);
    const twin = groupNormTwin(network);
    expect(() => refuseBatchNorm(twin)).not.toThrow();
    expect(planNetwork(twin, 3).weights.filter(({ kind }) => kind === 'statistic')).toEqual([]);
    expect(resolveNetwork(twin.name)).toEqual(twin);
  }
  expect(() => resolveNetwork('nothing-group-norm')).toThrow(/There is no network/);
});
