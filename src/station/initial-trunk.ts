// The weights that a project's trunk starts from: the network's seeded initialisation, the same on every machine.
import { encodeTensorFile, float32Tensor, type Tensor } from '../contract/safetensors.ts';
import type { Project } from '../contract/federation.ts';
import type { Network, Task } from '../contract/network.ts';
import type { NetworkChoice } from '../contract/project-draft.ts';
import {
  groupNormTwin,
  initialWeights,
  networkCatalogue,
  resolveNetwork,
  weightSpecifications,
} from '../trainer/client.ts';

/** Trunk version 0 of a project as safetensors bytes in canonical order. */
export function initialTrunk(project: Project): Uint8Array {
  const classes = project.classes.length;
  const values = initialWeights(project.network, classes, project.seed);
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of weightSpecifications(project.network, classes)) {
    tensors.set(name, float32Tensor(values.get(name) as Float32Array, shape));
  }
  return encodeTensorFile({ tensors, metadata: {} });
}

/** A bundled network by name, asked this task (default: its own). @throws Fault (trainer) naming the known ones. */
export function bundledNetwork(name: string, task?: Task): Network {
  return resolveNetwork(name, task);
}

/** The network's twin with group norm, which a privacy promise asks for; the network itself where it has no batch norm. @throws Fault (trainer) when it cannot be built. */
export function withoutBatchNorm(network: Network): Network {
  return groupNormTwin(network);
}

/** The bundled networks, each with how many numbers it trains for two classes. */
export function bundledNetworks(): NetworkChoice[] {
  return networkCatalogue().map(({ name, description, task, parameters }) => ({ name, description, task, parameters }));
}

/** How many numbers a network trains for so many classes: without the means and variances that it measures. @throws Fault (trainer) when it cannot be built. */
export function parametersOf(network: Network, classes: number): number {
  return weightSpecifications(network, classes)
    .filter(({ kind }) => kind === 'trainable')
    .map(({ shape }) => shape.reduce((product, side) => product * side, 1))
    .reduce((sum, size) => sum + size, 0);
}

/** Names of the bundled networks. */
export function bundledNetworkNames(): string[] {
  return networkCatalogue().map(({ name }) => name);
}
