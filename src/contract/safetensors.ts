// The safetensors layout: 8-byte little-endian header length, JSON header, raw little-endian tensors.
// One codec for model weights, updates and data sets: nothing in such a file can be executed.
// Format: https://huggingface.co/docs/safetensors (specification as of 2025).
import { z } from 'zod';
import { Fault } from './fault.ts';

const elementBytes = { F32: 4, I32: 4, U16: 2, U8: 1, I8: 1, F16: 2 } as const;
export type ElementType = keyof typeof elementBytes;

/** Largest JSON header accepted, in bytes. */
const maxHeaderBytes = 4 * 1024 * 1024;
/** Tensors start at multiples of this, so that every typed array is a view without a copy. */
const alignmentBytes = 8;

export interface Tensor {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Raw little-endian bytes, `elementBytes × product(shape)` long. */
  readonly bytes: Uint8Array;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const entrySchema = z.object({
  dtype: z.enum(['F32', 'I32', 'U16', 'U8', 'I8', 'F16']),
  shape: z
    .array(
      z
        .number()
        .int()
        .min(0)
        .max(2 ** 40),
    )
    .max(8),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});
const headerSchema = z.record(z.string().max(300), z.unknown());
const metadataSchema = z.record(z.string(), z.string());

/** Encodes tensors in the order given; the same input gives the same bytes, so a hash of the file names its content. */
export function encodeTensorFile(file: TensorFile): Uint8Array {
  const { bytes, tensors } = tensorFileRoom(file.tensors, file.metadata);
  for (const [name, tensor] of file.tensors) {
    const room = tensors.get(name)!;
    if (tensor.bytes.byteLength !== room.byteLength) {
      throw new Error(`tensor ${name}: ${tensor.bytes.byteLength} bytes for a shape of ${room.byteLength}`);
    }
    room.set(tensor.bytes);
  }
  return bytes;
}

/** A file of these tensors that is whole but for their bytes, which are 0, and where each one's go: aligned parts of the file. */
export function tensorFileRoom(
  layout: ReadonlyMap<string, Pick<Tensor, 'elementType' | 'shape'>>,
  metadata: TensorFile['metadata'],
): { readonly bytes: Uint8Array; readonly tensors: ReadonlyMap<string, Uint8Array> } {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata;
  const places: [string, number, number][] = [];
  let offset = 0;
  for (const [name, { elementType, shape }] of layout) {
    const size = elementBytes[elementType] * product(shape);
    header[name] = { dtype: elementType, shape, data_offsets: [offset, offset + size] };
    places.push([name, offset, offset + size]);
    offset += Math.ceil(size / alignmentBytes) * alignmentBytes;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((alignmentBytes - (Buffer.byteLength(text) % alignmentBytes)) % alignmentBytes);
  const headerBytes = new TextEncoder().encode(text);
  const body = 8 + headerBytes.length;
  const bytes = new Uint8Array(body + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  bytes.set(headerBytes, 8);
  return {
    bytes,
    tensors: new Map(places.map(([name, start, end]) => [name, bytes.subarray(body + start, body + end)])),
  };
}

/** Where each tensor's bytes lie in a file, so that a large file can be read in pieces. */
export interface TensorLayout {
  /** `start` and `end` are offsets from the beginning of the file. */
  readonly tensors: ReadonlyMap<
    string,
    {
      readonly elementType: ElementType;
      readonly shape: readonly number[];
      readonly start: number;
      readonly end: number;
    }
  >;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Bytes from the beginning of the file that `decodeTensorLayout` needs, given at least its first eight.
 * @throws Fault 610 when they announce a header that is too large or longer than the file.
 */
export function tensorHeaderBytes(first: Uint8Array, fileBytes: number): number {
  if (first.byteLength < 8) throw malformed('it is shorter than its header');
  const headerLength = Number(new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > maxHeaderBytes || 8 + headerLength > fileBytes) throw malformed('its header is cut off');
  return 8 + headerLength;
}

/**
 * Decodes the header of a file of `fileBytes` bytes that may come from outside; `head` is its beginning.
 * @throws Fault 610 when the header is not well formed or points outside of the file.
 */
export function decodeTensorLayout(head: Uint8Array, fileBytes: number): TensorLayout {
  const body = tensorHeaderBytes(head, fileBytes);
  if (body > head.byteLength) throw malformed('its header is cut off');
  let header: Record<string, unknown>;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(8, body));
    header = headerSchema.parse(JSON.parse(text));
  } catch {
    throw malformed('its header is not valid');
  }
  const metadata = metadataSchema.safeParse(header['__metadata__'] ?? {});
  if (!metadata.success) throw malformed('its metadata is not text');
  const tensors = new Map<string, { elementType: ElementType; shape: number[]; start: number; end: number }>();
  for (const [name, raw] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = entrySchema.safeParse(raw);
    if (!entry.success) throw malformed(`tensor ${name} is not described correctly`);
    const [start, end] = entry.data.data_offsets;
    const size = elementBytes[entry.data.dtype] * product(entry.data.shape);
    if (end - start !== size || body + end > fileBytes) throw malformed(`tensor ${name} is cut off`);
    tensors.set(name, {
      elementType: entry.data.dtype,
      shape: entry.data.shape,
      start: body + start,
      end: body + end,
    });
  }
  return { tensors, metadata: metadata.data };
}

/**
 * Decodes a file that may come from outside. Tensors are views on `bytes` where alignment allows, copies elsewhere.
 * @throws Fault 610 when the bytes are not a whole, well-formed tensor file.
 */
export function decodeTensorFile(bytes: Uint8Array): TensorFile {
  const layout = decodeTensorLayout(bytes, bytes.byteLength);
  const tensors = new Map<string, Tensor>();
  for (const [name, { elementType, shape, start, end }] of layout.tensors) {
    const slice = bytes.subarray(start, end);
    const aligned = slice.byteOffset % elementBytes[elementType] === 0 ? slice : new Uint8Array(slice);
    tensors.set(name, { elementType, shape, bytes: aligned });
  }
  return { tensors, metadata: layout.metadata };
}

/** A float32 tensor over the values given (no copy). */
export function float32Tensor(values: Float32Array, shape: readonly number[]): Tensor {
  return { elementType: 'F32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** The values of a float32 tensor as a view (no copy). */
export function float32Values(tensor: Tensor): Float32Array {
  if (tensor.elementType !== 'F32') throw malformed(`a tensor is ${tensor.elementType} where F32 is needed`);
  return new Float32Array(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength / 4);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

function malformed(reason: string): Fault {
  return new Fault({
    code: 610,
    message: `This is not a usable tensor file: ${reason}. It may be damaged; obtain it again.`,
    retry: 'never',
  });
}
