// What a hub needs of the trainer to make a project: bundled networks by name, and the weights that a trunk starts from.
import {
  bundledNetwork,
  bundledNetworks,
  initialTrunk,
  parametersOf,
  withoutBatchNorm,
} from '../station/initial-trunk.ts';
import type { ProjectNetworks } from '../sync/hub/project-draft.ts';

export const projectNetworks: ProjectNetworks = {
  choices: bundledNetworks,
  named: bundledNetwork,
  withoutBatchNorm,
  parameters: parametersOf,
  initialTrunk,
};
