import { expect, it } from 'vitest';
import { bundledNetwork, bundledNetworks, parametersOf } from '../../../src/station/initial-trunk.ts';

it.each(bundledNetworks())('$name has as many parameters in a project as in the list of networks', (choice) => {
  expect(parametersOf(bundledNetwork(choice.name), 2)).toBe(choice.parameters);
});
