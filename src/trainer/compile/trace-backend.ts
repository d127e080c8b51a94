// A TensorFlow.js backend that computes nothing: it answers every kernel with an empty tensor of the right shape and
// writes the call on a tape.
import * as tf from '@tensorflow/tfjs-core';
import { constantResult } from './constant-folding.ts';
import { kernelUnknown } from './faults.ts';
import { shapeRules } from './shape-rules.ts';
import type { KernelCall, TracedValue } from './tape.ts';

/** A kernel's inputs by name. */
export type TensorInfos = Record<string, tf.TensorInfo>;

export class TraceBackend extends tf.KernelBackend {
  readonly tape: KernelCall[] = [];
  readonly #references = new Map<object, number>();

  /** A tensor whose content is unknown; its data id is the traced value itself. */
  value(shape: readonly number[], dtype: string, constant: TracedValue['constant'] = null): tf.TensorInfo {
    const traced: TracedValue = { shape: [...shape], dtype, constant };
    this.#references.set(traced, 1);
    return { dataId: traced, shape: [...shape], dtype: dtype as tf.DataType };
  }

  record(kernel: string, inputs: TensorInfos, attributes: Record<string, unknown>): tf.TensorInfo {
    const rule = shapeRules[kernel];
    if (rule === undefined) throw kernelUnknown(kernel);
    const traced = Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, tracedOf(info)]));
    const { shape, dtype } = rule(traced, attributes);
    const constant = constantResult(kernel, traced, attributes, shape);
    const output = this.value(shape, dtype, constant);
    if (constant === null) this.tape.push({ kernel, inputs: traced, attributes, output: tracedOf(output) });
    return output;
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    if (values === null || dtype === 'string' || dtype === 'complex64')
      throw kernelUnknown(`a tensor of type ${dtype}`);
    return this.value(shape, dtype, values as TracedValue['constant']).dataId;
  }

  override move(dataId: object, _values: unknown, _shape: number[], _dtype: tf.DataType, references: number): void {
    this.#references.set(dataId, references);
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const { constant } = dataId as TracedValue;
    if (constant === null) throw kernelUnknown('reading a value in the middle of a step');
    return constant;
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: object): boolean {
    // The tape refers to values by themselves, so forgetting one here frees nothing that is still needed.
    return this.#references.delete(dataId);
  }

  override refCount(dataId: object): number {
    return this.#references.get(dataId) ?? 0;
  }

  override incRef(dataId: object): void {
    this.#references.set(dataId, this.refCount(dataId) + 1);
  }

  override numDataIds(): number {
    return this.#references.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.#references.clear();
  }
}

export function tracedOf(info: tf.TensorInfo): TracedValue {
  return info.dataId as TracedValue;
}
