// Batch norm mixes the examples of a batch, so that no example has a gradient of its own. Group norm (arXiv 1803.08494)
// does the same work within each image.
import type { Network } from '../../contract/network.ts';
import { planNetwork } from '../networks/plan.ts';
import { privacyFault } from './faults.ts';

const mostGroups = 8;
const twinSuffix = '-group-norm';

/** @throws Fault 682 naming the first layer of batch norm. */
export function refuseBatchNorm({ name, layers }: Network): void {
  const norm = layers.find(({ op }) => op === 'batch-norm');
  if (norm !== undefined) throw privacyFault.batchNorm(name, norm.id);
}

/**
 * The network with group norm in place of every batch norm, named after it (`resnet18-group-norm`); the network itself
 * where it has none. As many groups as divide the channels, at most 8.
 */
export function groupNormTwin(network: Network): Network {
  if (!network.layers.some(({ op }) => op === 'batch-norm')) return network;
  const channels = new Map(
    planNetwork(network, 2).layers.map(({ layer, shape }) => [layer.id, shape.at(-1) ?? 1] as const),
  );
  return {
    ...network,
    name: `${network.name.slice(0, 64 - twinSuffix.length)}${twinSuffix}`,
    layers: network.layers.map((layer) =>
      layer.op === 'batch-norm'
        ? {
            op: 'group-norm',
            id: layer.id,
            input: layer.input,
            groups: groupsOf(channels.get(layer.id)!),
            epsilon: layer.epsilon,
          }
        : layer,
    ),
  };
}

/** The name of the network whose twin this name means; null for any other. */
export function twinOf(name: string): string | null {
  return name.endsWith(twinSuffix) ? name.slice(0, -twinSuffix.length) : null;
}

function groupsOf(channels: number): number {
  let groups = mostGroups;
  while (channels % groups !== 0) groups -= 1;
  return groups;
}
