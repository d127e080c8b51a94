// Encoded updates, opened: their values, of whatever codec, a block at a time.
/// <reference lib="esnext.float16" />
import type { UpdateForm } from '../../contract/federation.ts';
import { Fault } from '../../contract/fault.ts';
import { decodeTensorLayout, type TensorLayout, tensorHeaderBytes } from '../../contract/safetensors.ts';
import { bytesOf, type ByteRanges } from './byte-ranges.ts';
import {
  compactCodecs,
  type CompactForm,
  isCompacted,
  keptCount,
  mostCompactBytes,
  placesOf,
  scaleCount,
  scalesOf,
} from './compact-update.ts';
import { compactValues, type ReadValues } from './compact-values.ts';
import { aggregationFault } from './faults.ts';
import type { TensorValues } from './tensor-values.ts';
import { valueCount, type WeightLayout } from './weights.ts';

export function isCompact(form: UpdateForm): form is UpdateForm & CompactForm {
  return compactCodecs.some((codec) => codec === form.updateCodec);
}

/** The tensor file's largest header, its length field, and room for alignment between tensors. */
const headerAllowanceBytes = 4 * 1024 * 1024 + 8;

type Tensors = TensorLayout['tensors'];
type FoundTensor = Tensors extends ReadonlyMap<string, infer Found> ? Found : never;

/** Most bytes that an update to weights of this layout can have, packed or not; anything longer need not be received. */
export function maxUpdateBytes(layout: WeightLayout, form: UpdateForm): number {
  if (isCompact(form)) return headerAllowanceBytes + mostCompactBytes(layout, form);
  const elementBytes = form.updateCodec === 'float32' ? 4 : 2;
  let bytes = headerAllowanceBytes;
  for (const { shape } of layout.values()) bytes += Math.ceil((valueCount(shape) * elementBytes) / 8) * 8;
  return bytes;
}

/**
 * Opens an update from outside that is not packed (packed-update.ts): it has exactly the layout's tensors. Its values are not looked at here (update.ts).
 * @throws Fault 550–554 with the reason of refusal; reading from it throws 550 where a compact update is damaged.
 */
export function openUpdate(
  bytes: ByteRanges,
  { layout, form }: { readonly layout: WeightLayout; readonly form: UpdateForm },
): TensorValues {
  const limitBytes = maxUpdateBytes(layout, form);
  if (bytes.size > limitBytes) throw aggregationFault.tooLarge(bytes.size, limitBytes);
  const tensors = tensorsOf(bytes);
  const readers = isCompact(form)
    ? compactReaders(bytes, tensors, layout, form)
    : floatReaders(bytes, tensors, layout, form);
  return { read: (tensor, from, into) => readers.get(tensor)!(from, into) };
}

/** Opens float32 weights. @throws Fault 610 when the bytes are not a tensor file, 554 when a tensor is not float32. */
export function openWeights(bytes: ByteRanges): { readonly layout: WeightLayout; readonly values: TensorValues } {
  const { tensors } = headerOf(bytes);
  const readers = new Map<string, ReadValues>();
  for (const [name, tensor] of tensors) {
    if (tensor.elementType !== 'F32') throw aggregationFault.otherCodec(tensor.elementType, 'F32');
    readers.set(name, float32Reader(bytes, tensor.start));
  }
  return { layout: tensors, values: { read: (tensor, from, into) => readers.get(tensor)!(from, into) } };
}

/** Why these are not the layout's tensors, in the layout's shapes; null when they are. */
export function layoutFault(found: WeightLayout, layout: WeightLayout): Fault | null {
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

function floatReaders(
  bytes: ByteRanges,
  tensors: Tensors,
  layout: WeightLayout,
  { updateCodec }: UpdateForm,
): ReadonlyMap<string, ReadValues> {
  const fault = layoutFault(tensors, layout);
  if (fault) throw fault;
  const expected = updateCodec === 'float32' ? 'F32' : 'F16';
  const readers = new Map<string, ReadValues>();
  for (const name of layout.keys()) {
    const { elementType, start } = tensors.get(name)!;
    if (elementType !== expected) throw aggregationFault.otherCodec(elementType, expected);
    readers.set(name, elementType === 'F32' ? float32Reader(bytes, start) : float16Reader(bytes, start));
  }
  return readers;
}

function compactReaders(
  bytes: ByteRanges,
  tensors: Tensors,
  layout: WeightLayout,
  form: CompactForm,
): ReadonlyMap<string, ReadValues> {
  const known = new Set<string>();
  const take = (name: string, type: FoundTensor['elementType'], shape: readonly number[] | null): FoundTensor => {
    known.add(name);
    const tensor = tensors.get(name);
    if (tensor === undefined) throw aggregationFault.otherTensors(`tensor ${name} is missing`);
    if (tensor.elementType !== type) throw aggregationFault.otherCodec(tensor.elementType, form.updateCodec);
    if (shape !== null && tensor.shape.join() !== shape.join())
      throw aggregationFault.otherShape(name, tensor.shape, shape);
    return tensor;
  };
  const readers = new Map<string, ReadValues>();
  for (const [name, { shape }] of layout) {
    const count = valueCount(shape);
    if (!isCompacted(shape)) {
      readers.set(name, float16Reader(bytes, take(name, 'F16', shape).start));
      continue;
    }
    const kept = keptCount(name, count, form);
    const sent = kept ?? count;
    const { start: levelsAt } = take(name, 'I8', [sent]);
    const { start: scalesAt } = take(scalesOf(name), 'F32', [scaleCount(sent)]);
    const places = kept !== null ? take(placesOf(name), 'U8', null) : null;
    readers.set(name, compactValues({ name, bytes, count, sent, levelsAt, scalesAt, places }));
  }
  for (const name of tensors.keys()) {
    if (!known.has(name)) throw aggregationFault.otherTensors(`tensor ${name.slice(0, 100)} is not part of it`);
  }
  return readers;
}

const float32Reader =
  (bytes: ByteRanges, start: number): ReadValues =>
  (from, into) =>
    bytes.read(start + 4 * from, bytesOf(into));

function float16Reader(bytes: ByteRanges, start: number): ReadValues {
  let halves = new Float16Array(0);
  return (from, into) => {
    if (halves.length < into.length) halves = new Float16Array(into.length);
    const some = halves.subarray(0, into.length);
    bytes.read(start + 2 * from, new Uint8Array(some.buffer, 0, some.byteLength));
    into.set(some);
  };
}

function tensorsOf(bytes: ByteRanges): Tensors {
  try {
    return headerOf(bytes).tensors;
  } catch (error) {
    if (error instanceof Fault) throw aggregationFault.unreadable('it is not a whole tensor file');
    throw error;
  }
}

function headerOf(bytes: ByteRanges): TensorLayout {
  const first = new Uint8Array(Math.min(8, bytes.size));
  bytes.read(0, first);
  const head = new Uint8Array(tensorHeaderBytes(first, bytes.size));
  bytes.read(0, head);
  return decodeTensorLayout(head, bytes.size);
}
