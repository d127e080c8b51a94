// Updates: the difference that training made to the trunk, how it is written for the wire, and what makes one acceptable.
/// <reference lib="esnext.float16" />
import type { UpdateForm } from '../../contract/federation.ts';
import { Fault, type FaultValue } from '../../contract/fault.ts';
import {
  decodeTensorFile,
  encodeTensorFile,
  float32Tensor,
  float32Values,
  type Tensor,
} from '../../contract/safetensors.ts';
import {
  compactCodecs,
  type CompactForm,
  compactTensors,
  mostCompactBytes,
  updateOfCompact,
} from './compact-update.ts';
import { aggregationFault } from './faults.ts';
import { packed, unpacked } from './packed-update.ts';
import type { Weights, WeightTensor } from './weights.ts';

/**
 * Largest change of one weight that an update may hold. It keeps the fixed-point sum of a commit exact whatever
 * the updates (see accumulator.ts), and every accepted value inside float16's range.
 */
export const maxUpdateMagnitude = 2048;

function isCompact(form: UpdateForm): form is UpdateForm & CompactForm {
  return compactCodecs.some((codec) => codec === form.updateCodec);
}
/** Whether a site adds what the codec lost to its next update. */
export const hasErrorFeedback = isCompact;

/** The tensor file's largest header, its length field, and room for alignment between tensors. */
const headerAllowanceBytes = 4 * 1024 * 1024 + 8;

/** `trained − base`. Both come from this site, so a difference in names or shapes is a bug (RangeError). */
export function updateOf(base: Weights, trained: Weights): Weights {
  return combined(base, trained, (before, after) => after - before);
}

/** `base + update`, rounded to float32. The update has been checked against the base's layout, else RangeError. */
export function applyUpdate(base: Weights, update: Weights): Weights {
  return combined(base, update, (before, change) => before + change);
}

/**
 * A stale update with its statistics made relative to `current` instead of the `base` that it started from, so that a commit
 * averages what the sites measured. Added up as differences from different bases, variances could fall below zero.
 * A fresh update (`base` is `current`) comes back as it was.
 */
export function rebaseStatistics(
  update: Weights,
  bases: { readonly base: Weights; readonly current: Weights; readonly statistics: ReadonlySet<string> },
): Weights {
  if (bases.base === bases.current) return update;
  const rebased = new Map(update);
  for (const name of bases.statistics) {
    const change = update.get(name);
    const base = bases.base.get(name)?.values;
    const current = bases.current.get(name)?.values;
    if (!change || !base || !current) continue;
    const values = change.values.map((value, index) => value + base[index]! - current[index]!);
    rebased.set(name, { shape: change.shape, values });
  }
  return rebased;
}

/** Euclidean norm over all values of an update. */
export function updateNorm(update: Weights): number {
  let squares = 0;
  for (const { values } of update.values()) {
    for (const value of values) squares += value * value;
  }
  return Math.sqrt(squares);
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

/** Most bytes that an update to weights of this layout can have, packed or not; anything longer need not be received. */
export function maxUpdateBytes(layout: Weights, form: UpdateForm): number {
  if (isCompact(form)) return headerAllowanceBytes + mostCompactBytes(layout, form);
  const elementBytes = form.updateCodec === 'float32' ? 4 : 2;
  let bytes = headerAllowanceBytes;
  for (const { values } of layout.values()) bytes += Math.ceil((values.length * elementBytes) / 8) * 8;
  return bytes;
}

/**
 * Decodes an update from outside and checks it whole: what is returned fits `layout`, in its order, finite and bounded.
 * Memory is bounded by `maxUpdateBytes` and the size of the layout.
 * @throws Fault 550–557 or 562 with the reason of refusal.
 */
export function decodeUpdate(
  bytes: Uint8Array,
  expected: { readonly layout: Weights; readonly form: UpdateForm; readonly maxNorm?: number },
): Weights {
  const { layout, form } = expected;
  const limitBytes = maxUpdateBytes(layout, form);
  if (bytes.byteLength > limitBytes) throw aggregationFault.tooLarge(bytes.byteLength, limitBytes);
  const tensors = tensorsOf(form.updateCompression === 'zstd' ? unpacked(bytes, limitBytes) : bytes);
  const update = isCompact(form) ? updateOfCompact(tensors, layout, form) : updateOfFloats(tensors, layout, form);
  const refusal = valueFault(update, expected.maxNorm);
  if (refusal) throw refusal;
  return update;
}

function updateOfFloats(
  tensors: ReadonlyMap<string, Tensor>,
  layout: Weights,
  { updateCodec }: UpdateForm,
): Map<string, WeightTensor> {
  const expected = updateCodec === 'float32' ? 'F32' : 'F16';
  const fault = layoutFault(tensors, layout);
  if (fault) throw fault;
  const update = new Map<string, WeightTensor>();
  for (const [name, { shape }] of layout) {
    const tensor = tensors.get(name)!;
    if (tensor.elementType !== expected) throw aggregationFault.otherCodec(tensor.elementType, expected);
    update.set(name, { shape, values: tensor.elementType === 'F32' ? float32Values(tensor) : float16Values(tensor) });
  }
  return update;
}

/**
 * Why this update would be refused, or null. Reasons: other tensor names (552), other shapes (553), NaN or infinity
 * (555), a change beyond `maxUpdateMagnitude` (556), a Euclidean norm beyond `maxNorm` (557).
 */
export function checkUpdate(
  update: Weights,
  expected: { readonly layout: Weights; readonly maxNorm?: number },
): FaultValue | null {
  return (layoutFault(update, expected.layout) ?? valueFault(update, expected.maxNorm))?.toValue() ?? null;
}

function layoutFault(found: ReadonlyMap<string, { readonly shape: readonly number[] }>, layout: Weights): Fault | null {
  for (const [name, { shape }] of layout) {
    const tensor = found.get(name);
    if (!tensor) return aggregationFault.otherTensors(`tensor ${name} is missing`);
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      return aggregationFault.otherShape(name, tensor.shape, shape);
    }
  }
  for (const name of found.keys()) {
    if (!layout.has(name)) return aggregationFault.otherTensors(`tensor ${name.slice(0, 100)} is not part of it`);
  }
  return null;
}

function valueFault(update: Weights, maxNorm: number | undefined): Fault | null {
  for (const [name, { values }] of update) {
    for (const value of values) {
      if (Math.abs(value) <= maxUpdateMagnitude) continue;
      return Number.isFinite(value)
        ? aggregationFault.outOfRange(name, maxUpdateMagnitude)
        : aggregationFault.notFinite(name);
    }
  }
  if (maxNorm === undefined) return null;
  const norm = updateNorm(update);
  return norm > maxNorm ? aggregationFault.normTooLarge(norm, maxNorm) : null;
}

function tensorsOf(bytes: Uint8Array): ReadonlyMap<string, Tensor> {
  try {
    return decodeTensorFile(bytes).tensors;
  } catch (error) {
    if (error instanceof Fault) throw aggregationFault.unreadable('it is not a whole tensor file');
    throw error;
  }
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

function float16Values(tensor: Tensor): Float32Array {
  const { buffer, byteOffset, byteLength } = tensor.bytes;
  return new Float32Array(new Float16Array(buffer, byteOffset, byteLength / 2));
}
