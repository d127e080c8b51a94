// A program store on a TensorFlow.js backend: programs run operation by operation.
import * as tf from '@tensorflow/tfjs-core';
import { valueCount } from '../../networks/plan.ts';
import type { ProgramInput } from '../../networks/program.ts';
import { sessionClosed } from '../faults.ts';
import type { ProgramStore } from '../program-store.ts';

export async function openEagerStore(held: readonly ProgramInput[], backend: string): Promise<ProgramStore> {
  await tf.setBackend(backend);
  const tensors = new Map<string, tf.Tensor>();
  const shapes = new Map(held.map(({ name, shape }) => [name, [...shape]]));
  let closed = false;
  const useBackend = (): void => {
    if (closed) throw sessionClosed();
    // In place when the call returns: the backend has been initialised before.
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
  };
  const hold = (name: string, tensor: tf.Tensor): void => {
    tensors.get(name)?.dispose();
    tensors.set(name, tf.keep(tensor));
  };
  const write = (name: string, values: Float32Array): void => {
    useBackend();
    hold(name, tf.tensor(values.slice(), shapes.get(name)!, 'float32'));
  };
  for (const { name, shape } of held) write(name, new Float32Array(valueCount(shape)));
  return {
    provider: backend,
    async add(program) {
      return {
        async run(given) {
          useBackend();
          const results = new Map<string, tf.Tensor>();
          tf.tidy(() => {
            const inputs = new Map<string, tf.Tensor>();
            for (const { name, shape } of program.inputs) {
              inputs.set(name, tensors.get(name) ?? tf.tensor(given.get(name)!.slice(), [...shape], 'float32'));
            }
            for (const [name, tensor] of program.run(inputs)) results.set(name, tf.keep(tensor));
          });
          const outputs = new Map<string, Float32Array>();
          for (const [name, tensor] of results) {
            if (shapes.has(name)) {
              hold(name, tensor);
            } else {
              outputs.set(name, ((await tensor.data()) as Float32Array).slice());
              tensor.dispose();
            }
          }
          return outputs;
        },
      };
    },
    read(name) {
      useBackend();
      return (tensors.get(name)!.dataSync() as Float32Array).slice();
    },
    write,
    async close() {
      if (closed) return;
      closed = true;
      tf.dispose([...tensors.values()]);
      tensors.clear();
    },
  };
}
