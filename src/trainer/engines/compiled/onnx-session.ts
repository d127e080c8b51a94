// One compiled program in ONNX Runtime.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CompiledProgram, Port } from '../../compile/compile-program.ts';

export type { Tensor } from 'onnxruntime-node';

export interface OnnxSession {
  readonly compiled: CompiledProgram;
  /** Runs once; each output is written into the tensor given for it. Blocks this process while it computes. */
  run(inputs: Record<string, Tensor>, outputs: Record<string, Tensor>): Promise<void>;
  close(): Promise<void>;
}

export async function openOnnxSession(
  compiled: CompiledProgram,
  provider: string,
  threads: number,
): Promise<OnnxSession> {
  const session = await InferenceSession.create(compiled.model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // The lowering leaves nothing for the CPU's: on all networks here they gain no step's time and take half of the opening.
    graphOptimizationLevel: provider === 'cpu' ? 'disabled' : 'all',
    // One block for all that a step needs stands beside what the first step took and is no faster: resnet18 at a batch of 16
    // takes 745 MB without it and 915 with it.
    enableMemPattern: false,
    // Idle threads spin long by default, which on a machine with other work takes the processor from
    // the very thread that they wait for. (`dynamic_block_base` would gain a little more, but blocks by timing are not
    // sure to give the same bits again.)
    extra: { session: { intra_op: { spin_duration_us: '100' } } },
    // Errors only: a warning goes to the caller as a reason, not to the terminal.
    logSeverityLevel: 3,
  });
  return {
    compiled,
    async run(inputs, outputs) {
      const results = await session.run(inputs, outputs);
      for (const [name, tensor] of Object.entries(outputs)) {
        const result = results[name]!;
        // Providers that keep results elsewhere hand out another tensor; on the CPU it is the very buffer given.
        if (result.data !== tensor.data) (tensor.data as Float32Array).set(result.data as Float32Array);
      }
    },
    close: () => session.release(),
  };
}

/** A tensor over the values given (no copy), which lie in the port's layout. */
export function tensorOf(values: Float32Array, port: Port): Tensor {
  return new Tensor('float32', values, [...port.physicalShape]);
}

export const inputName = (name: string): string => `in:${name}`;
export const outputName = (name: string): string => `out:${name}`;
