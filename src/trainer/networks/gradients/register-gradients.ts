// The build of tfjs-core that Node loads comes without gradients (they are in the union package, with four backends that
// nobody here needs), so those of the kernels that networks use are registered here.
import * as tf from '@tensorflow/tfjs-core';
import { valueGradients } from './value-gradients.ts';
import { windowGradients } from './window-gradients.ts';

/** Registers what is missing; calling it again does nothing. */
export function registerGradients(): void {
  for (const config of [...valueGradients, ...windowGradients]) {
    if (tf.getGradient(config.kernelName) === undefined) tf.registerGradient(config);
  }
}
