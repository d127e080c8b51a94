// Kernels whose result is known while tracing: scalar arithmetic in float32, and constants that only change their form.
import type { TracedValue } from './tape.ts';

const binary: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Multiply: (a, b) => a * b,
  RealDiv: (a, b) => a / b,
  Maximum: Math.max,
  Minimum: Math.min,
};

/** The constant that a call results in, or null where it must be computed at run time. */
export function constantResult(
  kernel: string,
  inputs: Readonly<Record<string, TracedValue>>,
  attributes: Readonly<Record<string, unknown>>,
  shape: readonly number[],
): TracedValue['constant'] {
  const size = shape.reduce((total, length) => total * length, 1);
  if (kernel === 'Fill' && size === 1) return new Float32Array([attributes['value'] as number]);
  const { a, b, x } = inputs;
  if (kernel === 'Reshape' || kernel === 'Identity') return x?.constant ?? null;
  if (kernel === 'Cast' && attributes['dtype'] === 'float32' && x?.constant) return Float32Array.from(x.constant);
  const operation = binary[kernel];
  if (operation === undefined || size !== 1 || !a?.constant || !b?.constant) return null;
  return new Float32Array([operation(a.constant[0]!, b.constant[0]!)]);
}
