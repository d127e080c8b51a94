// Between TensorFlow.js's filter layout (HWIO), in which weights travel, and ONNX's (OIHW), in which they are trained.
import type { Port } from '../../compile/compile-program.ts';

/** Copies logical values into a buffer of the port's layout. */
export function layOut(values: Float32Array, port: Port, into: Float32Array): void {
  if (port.layout === 'plain') {
    into.set(values);
    return;
  }
  permute(port, (logical, physical) => (into[physical] = values[logical]!));
}

/** A copy of a buffer in the port's layout as logical values. */
export function gatherLogical(buffer: Float32Array, port: Port): Float32Array {
  if (port.layout === 'plain') return buffer.slice();
  const values = new Float32Array(buffer.length);
  permute(port, (logical, physical) => (values[logical] = buffer[physical]!));
  return values;
}

function permute(port: Port, visit: (logical: number, physical: number) => void): void {
  const [height, width, inputs, outputs] = port.shape as [number, number, number, number];
  let logical = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let i = 0; i < inputs; i += 1) {
        for (let o = 0; o < outputs; o += 1) {
          visit(logical, ((o * inputs + i) * height + y) * width + x);
          logical += 1;
        }
      }
    }
  }
}
