// Between TensorFlow.js's filter layout (HWIO), in which weights travel, and ONNX's (OIHW), in which they are trained.
import type { Port } from '../../compile/compile-program.ts';

/** Copies logical values into a buffer of the port's layout. */
export function layOut(values: Float32Array, port: Port, into: Float32Array): void {
  if (port.layout === 'plain') into.set(values);
  else permute(port, values, into, true);
}

/** A copy of a buffer in the port's layout as logical values. */
export function gatherLogical(buffer: Float32Array, port: Port): Float32Array {
  if (port.layout === 'plain') return buffer.slice();
  const values = new Float32Array(buffer.length);
  permute(port, buffer, values, false);
  return values;
}

/** Outputs moved together: one cache line of logical values. */
const block = 16;

/** Millions of values: plain loops, in blocks that stay in the cache. */
function permute({ shape }: Port, from: Float32Array, to: Float32Array, isToPhysical: boolean): void {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const taps = height * width;
  for (let first = 0; first < outputs; first += block) {
    const end = Math.min(outputs, first + block);
    for (let input = 0; input < inputs; input += 1) {
      for (let output = first; output < end; output += 1) {
        let physical = (output * inputs + input) * taps;
        let logical = input * outputs + output;
        for (let tap = 0; tap < taps; tap += 1) {
          if (isToPhysical) to[physical] = from[logical]!;
          else to[logical] = from[physical]!;
          physical += 1;
          logical += inputs * outputs;
        }
      }
    }
  }
}
