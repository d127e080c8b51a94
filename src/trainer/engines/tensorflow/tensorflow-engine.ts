// Eager TensorFlow on a CUDA machine: @tensorflow/tfjs-node-gpu, an optional dependency whose native part is fetched by
// an explicit script only.
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { hyperParametersSchema } from '../../../contract/training.ts';
import type { Engine, Opened, SessionOptions, TrainingSession } from '../engine.ts';
import { engineUnavailable } from '../faults.ts';
import { openEagerSession } from './eager-session.ts';

const packageName = '@tensorflow/tfjs-node-gpu';
const advice =
  'On a Linux or Windows machine with an NVIDIA card, install CUDA 11.2 and run `npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false`; otherwise use the compiled engine.';

/** @throws Fault 320 when the package or its native part is not there, or it cannot load on this machine. */
export async function openTensorflowEngine(): Promise<Engine> {
  restoreRemovedUtilities();
  try {
    await import(packageName);
    if (!(await tf.setBackend('tensorflow'))) throw new Error('its backend does not start');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]!.replace(/[\s.:]+$/, '') : String(cause);
    throw engineUnavailable('tensorflow', reason, advice, cause);
  }
  const open = async (options: SessionOptions): Promise<Opened<TrainingSession>> => ({
    session: await openEagerSession(options, 'tensorflow'),
    passedOver: [],
  });
  return {
    name: 'tensorflow',
    provider: 'tensorflow',
    open,
    // Nothing is compiled, so a training that takes no step costs no more than its weights and slots.
    openForPrediction: (options) =>
      open({ ...options, hyperParameters: hyperParametersSchema.parse({}), classWeights: null }),
  };
}

/** The package calls functions that Node 23 removed from `util`. */
function restoreRemovedUtilities(): void {
  const target = util as unknown as Record<string, unknown>;
  target['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  target['isArray'] ??= Array.isArray;
}
