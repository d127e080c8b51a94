// Updates: the difference that training made to the trunk, how it is written for the wire, and what makes one acceptable.
/// <reference lib="esnext.float16" />
import type { UpdateForm } from '../../contract/federation.ts';
import { type Fault, type FaultValue } from '../../contract/fault.ts';
import { encodeTensorFile, float32Tensor, type Tensor } from '../../contract/safetensors.ts';
import { rangesOf } from './byte-ranges.ts';
import { compactTensors } from './compact-update.ts';
import { aggregationFault } from './faults.ts';
import { largestMagnitude } from './largest-magnitude.ts';
import { packed, unpacked } from './packed-update.ts';
import { blocksOf, type TensorValues } from './tensor-values.ts';
import { isCompact, layoutFault, maxUpdateBytes, openUpdate } from './update-values.ts';
import { valueCount, type WeightLayout, type Weights, type WeightTensor } from './weights.ts';

export { maxUpdateBytes } from './update-values.ts';

/**
 * Largest change of one weight that an update may hold. It keeps the fixed-point sum of a commit exact whatever
 * the updates (exact-sum.ts), and every accepted value inside float16's range.
 */
export const maxUpdateMagnitude = 2048;

/** Whether a site adds what the codec lost to its next update. */
export const hasErrorFeedback = isCompact;

/** `trained − base`. Both come from this site, so a difference in names or shapes is a bug (RangeError). */
export function updateOf(base: Weights, trained: Weights): Weights {
  return combined(base, trained, (before, after) => after - before);
}

/** `base + update`, rounded to float32. The update has been checked against the base's layout, else RangeError. */
export function applyUpdate(base: Weights, update: Weights): Weights {
  return combined(base, update, (before, change) => before + change);
}

/**
 * Writes an update for the wire. float16 halves the bytes at a relative error of about 2e-4 (rounding to nearest even).
 * A value beyond float16's range becomes infinite: call `checkUpdate` first. `int8` and `top-k`: compact-update.ts.
 */
export function encodeUpdate(update: Weights, form: UpdateForm): Uint8Array {
  const tensors = isCompact(form) ? compactTensors(update, form) : floatTensors(update, form);
  const bytes = encodeTensorFile({ tensors, metadata: {} });
  return form.updateCompression === 'zstd' ? packed(bytes) : bytes;
}

function floatTensors(update: Weights, { updateCodec }: UpdateForm): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, values }] of update) {
    tensors.set(name, updateCodec === 'float32' ? float32Tensor(values, shape) : float16Tensor(values, shape));
  }
  return tensors;
}

/**
 * Decodes an update from outside and checks it whole: what is returned fits `layout`, in its order, finite and bounded.
 * Memory is bounded by `maxUpdateBytes` and the size of the layout.
 * @throws Fault 550–556 or 562 with the reason of refusal.
 */
export function decodeUpdate(
  bytes: Uint8Array,
  expected: { readonly layout: WeightLayout; readonly form: UpdateForm },
): Weights {
  const { layout, form } = expected;
  const opened = openUpdate(rangesOf(unpackedUpdate(bytes, expected)), { layout, form });
  const update = new Map<string, WeightTensor>();
  for (const [name, { shape }] of layout) update.set(name, { shape, values: new Float32Array(valueCount(shape)) });
  for (const { tensor, from, count } of blocksOf(layout)) {
    opened.read(tensor, from, update.get(tensor)!.values.subarray(from, from + count));
  }
  const refusal = valueFault(update);
  if (refusal) throw refusal;
  return update;
}

/**
 * The bytes of an update, of what was packed where the form has it so. @throws Fault 550, 551 or 562 with the reason of refusal.
 */
export function unpackedUpdate(
  bytes: Uint8Array,
  { layout, form }: { readonly layout: WeightLayout; readonly form: UpdateForm },
): Uint8Array {
  if (form.updateCompression !== 'zstd') return bytes;
  const limitBytes = maxUpdateBytes(layout, form);
  if (bytes.byteLength > limitBytes) throw aggregationFault.tooLarge(bytes.byteLength, limitBytes);
  return unpacked(bytes, limitBytes);
}

/**
 * Checks the values of an opened update as `decodeUpdate` does, without holding it.
 * @throws Fault 550, 555 or 556 with the reason of refusal.
 */
export function checkValues(update: TensorValues, layout: WeightLayout): void {
  for (const { tensor, from, count } of blocksOf(layout)) {
    const block = largestMagnitude.begin(count);
    update.read(tensor, from, block);
    const fault = largestMagnitude.of() <= maxUpdateMagnitude ? null : magnitudeFault(tensor, block);
    if (fault !== null) throw fault;
  }
}

/**
 * Why this update would be refused, or null. Reasons: other tensor names (552), other shapes (553), NaN or infinity
 * (555), a change beyond `maxUpdateMagnitude` (556).
 */
export function checkUpdate(update: Weights, { layout }: { readonly layout: Weights }): FaultValue | null {
  return (layoutFault(update, layout) ?? valueFault(update))?.toValue() ?? null;
}

function valueFault(update: Weights): Fault | null {
  for (const [name, { values }] of update) {
    const fault = magnitudeFault(name, values);
    if (fault !== null) return fault;
  }
  return null;
}

function magnitudeFault(tensor: string, values: Float32Array): Fault | null {
  for (let index = 0; index < values.length; index += 1) {
    if (Math.abs(values[index]!) <= maxUpdateMagnitude) continue;
    return Number.isFinite(values[index]!)
      ? aggregationFault.outOfRange(tensor, maxUpdateMagnitude)
      : aggregationFault.notFinite(tensor);
  }
  return null;
}

function combined(base: Weights, other: Weights, combine: (left: number, right: number) => number): Weights {
  const fault = layoutFault(other, base);
  if (fault) throw new RangeError(fault.message);
  const result = new Map<string, WeightTensor>();
  for (const [name, { shape, values }] of base) {
    const right = other.get(name)!.values;
    const out = new Float32Array(values.length);
    for (let index = 0; index < out.length; index += 1) out[index] = combine(values[index]!, right[index]!);
    result.set(name, { shape, values: out });
  }
  return result;
}

function float16Tensor(values: Float32Array, shape: readonly number[]): Tensor {
  const halves = new Float16Array(values);
  return { elementType: 'F16', shape, bytes: new Uint8Array(halves.buffer) };
}
