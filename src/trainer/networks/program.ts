// A program is a pure function of named tensors, written in TensorFlow.js operations. An engine may run it eagerly or
// record it once and compile it: what it computes is the same.
import type { Tensor } from '@tensorflow/tfjs-core';

export interface ProgramInput {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Program {
  readonly inputs: readonly ProgramInput[];
  /** Computes the outputs by name. Called within a tidy; outputs are tensors that it keeps. */
  run(inputs: ReadonlyMap<string, Tensor>): Map<string, Tensor>;
}
