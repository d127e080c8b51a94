// A segmentation network takes images of any size that its poolings divide: small images need no large one.
import { Fault } from '../../contract/fault.ts';
import type { Network } from '../../contract/network.ts';
import { planNetwork } from './plan.ts';

/** Sides are multiples of this, as far as the network allows: four halvings come out even. */
const sideStep = 16;

/**
 * The network with the smallest square input that holds images of this side (pixels), never a larger one than it has. The cost of
 * a step grows with the input's area, and enlarging images adds nothing to them. Networks of other tasks stay as they are: theirs
 * is a whole image, scaled to fit.
 */
export function withFittedInput(network: Network, largestSidePixels: number | null): Network {
  const { height, width } = network.input;
  if (network.task !== 'segmentation' || largestSidePixels === null) return network;
  const first = Math.max(2, Math.ceil(largestSidePixels / sideStep)) * sideStep;
  for (let side = first; side < Math.min(height, width); side += sideStep) {
    const fitted = { ...network, input: { ...network.input, height: side, width: side } };
    if (isPlannable(fitted)) return fitted;
  }
  return network;
}

function isPlannable(network: Network): boolean {
  try {
    planNetwork(network, 2);
    return true;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}
