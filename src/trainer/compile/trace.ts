// Runs a program once on the trace backend and hands out its tape.
import * as tf from '@tensorflow/tfjs-core';
import type { Program } from '../networks/program.ts';
import { shapeRules } from './shape-rules.ts';
import { TraceBackend, tracedOf, type TensorInfos } from './trace-backend.ts';
import type { KernelCall, TracedValue } from './tape.ts';

const backendName = 'trace';

export interface Trace {
  readonly tape: readonly KernelCall[];
  readonly inputs: ReadonlyMap<string, TracedValue>;
  readonly outputs: ReadonlyMap<string, TracedValue>;
}

/**
 * Traces a program. Synchronous from end to end, so that nobody sees the trace backend as TensorFlow.js's current one.
 * @throws Fault 310 when the program uses a kernel that cannot be traced.
 */
export function traceProgram(program: Program): Trace {
  registerKernels();
  const before = tf.getBackend();
  const backend = new TraceBackend();
  tf.registerBackend(backendName, () => backend);
  // A backend with a synchronous factory is in place when the call returns; the promise only reports it.
  void tf.setBackend(backendName);
  try {
    const inputs = new Map<string, TracedValue>();
    const outputs = new Map<string, TracedValue>();
    tf.tidy(() => {
      const given = new Map<string, tf.Tensor>();
      for (const { name, shape } of program.inputs) {
        const info = backend.value(shape, 'float32');
        inputs.set(name, tracedOf(info));
        given.set(name, tf.engine().makeTensorFromTensorInfo(info));
      }
      const result = program.run(given);
      for (const [name, tensor] of result) outputs.set(name, tracedOf(tensor));
      for (const tensor of result.values()) tensor.dispose();
    });
    return { tape: backend.tape, inputs, outputs };
  } finally {
    if (before) void tf.setBackend(before);
    tf.removeBackend(backendName);
  }
}

function registerKernels(): void {
  for (const kernelName of [...Object.keys(shapeRules), ...Object.keys(compositeKernels)]) {
    if (tf.getKernel(kernelName, backendName) !== undefined) continue;
    const composite = compositeKernels[kernelName];
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const attributes = attrs ?? {};
        const given = inputs as TensorInfos;
        return composite === undefined
          ? (backend as TraceBackend).record(kernelName, given, attributes)
          : composite(backend as TraceBackend, given, attributes);
      },
    });
  }
}

type Composite = (
  backend: TraceBackend,
  inputs: TensorInfos,
  attributes: Record<string, unknown>,
) => tf.TensorInfo | tf.TensorInfo[];

/** Kernels that are written on the tape as several simpler ones. */
const compositeKernels: Record<string, Composite> = {
  SplitV(backend, inputs, attributes) {
    const x = inputs['x']!;
    const axis = tf.util.parseAxisParam(attributes['axis'] as number, x.shape)[0]!;
    const sizes = tf.backend_util.prepareSplitSize(
      x as tf.Tensor,
      attributes['numOrSizeSplits'] as number[] | number,
      axis,
    );
    let start = 0;
    return sizes.map((part) => {
      const begin = x.shape.map((_, index) => (index === axis ? start : 0));
      const size = x.shape.map((full, index) => (index === axis ? part : full));
      start += part;
      return backend.record('Slice', { x }, { begin, size });
    });
  },
};
