// The inner loops of the exact sum as WebAssembly, because its 128-bit instructions add a weighted value several times faster than
// JavaScript does. Assembled here, from the instructions' codes in the specification (WebAssembly 2.0, Appendix "Index of Instructions"):
// no other tool is needed, and what runs is what stands here. exact-sum.ts says what the loops compute.

// Node has it; the library of its types has not.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

export interface ExactSumKernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  /**
   * For each float32 from `values` to `end`: adds the bits of `factor × value + toWhole` to the 64-bit integer at `sums`. Leaves at
   * address 0 the largest of the values' bits without their sign, of each of four lanes. Values come in multiples of 16.
   */
  readonly add: (sums: number, values: number, end: number, factor: number) => void;
  /** Leaves at address 0 what `add` leaves there, and adds nothing. */
  readonly largest: (values: number, end: number) => void;
  /** Makes each 64-bit integer from `sums` to `end` the double `(integer − bias) × unit`. */
  readonly finish: (sums: number, end: number, bias: bigint, unit: number) => void;
}

/** Adding this to |x| ≤ 2⁵¹ leaves no bits for a fraction: the double's bits then are `toWholeBits` plus x, rounded to a whole number. */
const toWhole = 1.5 * 2 ** 52;
export const toWholeBits = new BigInt64Array(Float64Array.of(toWhole).buffer)[0]!;
/** Values that one turn of the loop takes: four times the four of an instruction. */
export const valuesPerTurn = 16;

type Code = readonly number[];

const unsigned = (value: number): Code => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]);
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
/** Instructions that belong together. */
const row = (...codes: readonly Code[]): Code => codes.flat();
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const text = (value: string): Code => list(Array.from(value, (letter) => [letter.charCodeAt(0)]));
const float64 = (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)];
const type = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b };

const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const tee = (local: number): Code => [0x22, ...unsigned(local)];
/** Small numbers only: one byte of a signed LEB128 holds −64 to 63, two −8192 to 8191. */
const int32 = (value: number): Code => [0x41, ...(value < 64 ? [value] : [(value & 127) | 128, value >>> 7])];
const int32Add: Code = [0x6a];
const simd = (code: number): Code => [0xfd, ...unsigned(code)];
/** Alignment as a power of two, then the offset. */
const at = (alignment: number, offset: number): Code => [alignment, ...unsigned(offset)];
const v128 = {
  load: (offset: number): Code => [...simd(0x00), ...at(4, offset)],
  store: (offset: number): Code => [...simd(0x0b), ...at(3, offset)],
  /** Lanes 2 and 3 of four floats, where `promote` reads. */
  high: [...simd(0x0d), 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15],
  and: simd(0x4e),
  splatInt32: simd(0x11),
  splatFloat64: simd(0x14),
  promote: simd(0x5f),
  maxInt32: simd(0xb8),
  addInt64: simd(0xce),
  addFloat64: simd(0xf0),
  timesFloat64: simd(0xf2),
};
/** `body`, then again as long as local `from`, which it advances, is below local `end`. */
const loop = (body: Code, from: number, end: number): Code => [
  0x03,
  0x40,
  ...body,
  ...row(get(from), get(end), [0x49]),
  0x0d,
  0,
  0x0b,
];

/** 0x7fffffff in signed LEB128, in all lanes: and-ed to a float it takes the sign off. */
const signOff: Code = row([0x41, 0xff, 0xff, 0xff, 0xff, 0x07], v128.splatInt32);

function addCode(): Code {
  const [sums, values, end, factor, four, largest, noSign, factors, toWholes] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  /** Two of the four floats, promoted, to two of the sums. */
  const two = (offset: number, floats: Code): Code => [
    ...get(sums!),
    ...row(get(sums!), v128.load(offset)),
    ...row(floats, v128.promote, get(factors!), v128.timesFloat64, get(toWholes!), v128.addFloat64),
    ...row(v128.addInt64, v128.store(offset)),
  ];
  const turn = Array.from({ length: valuesPerTurn / 4 }, (_, index): Code => [
    ...row(get(values!), v128.load(16 * index), tee(four!)),
    // Without their sign floats are in the order of their bits, and those that are no numbers are above all others.
    ...row(get(noSign!), v128.and, get(largest!), v128.maxInt32, set(largest!)),
    ...two(32 * index, get(four!)),
    ...two(32 * index + 16, [...get(four!), ...get(four!), ...v128.high]),
  ]).flat();
  const body: Code = [
    ...row(signOff, set(noSign!)),
    ...row(get(factor!), v128.splatFloat64, set(factors!)),
    ...row(float64(toWhole), v128.splatFloat64, set(toWholes!)),
    ...loop(
      [
        ...turn,
        ...row(get(sums!), int32(8 * valuesPerTurn), int32Add, set(sums!)),
        ...row(get(values!), int32(4 * valuesPerTurn), int32Add, set(values!)),
      ],
      values!,
      end!,
    ),
    ...row(int32(0), get(largest!), v128.store(0)),
    0x0b,
  ];
  return sized([...list([[...unsigned(5), type.v128]]), ...body]);
}

function largestCode(): Code {
  const [values, end, largest, noSign] = [0, 1, 2, 3];
  const turn = Array.from({ length: valuesPerTurn / 4 }, (_, index): Code => [
    ...row(get(values!), v128.load(16 * index), get(noSign!), v128.and),
    ...row(get(largest!), v128.maxInt32, set(largest!)),
  ]).flat();
  const body: Code = [
    ...row(signOff, set(noSign!)),
    ...loop([...turn, ...row(get(values!), int32(4 * valuesPerTurn), int32Add, set(values!))], values!, end!),
    ...row(int32(0), get(largest!), v128.store(0)),
    0x0b,
  ];
  return sized([...list([[...unsigned(2), type.v128]]), ...body]);
}

function finishCode(): Code {
  const [sums, end, bias, unit] = [0, 1, 2, 3];
  const [loadInt64, subtractInt64, toFloat64, timesFloat64, storeFloat64]: Code[] = [
    [0x29, ...at(3, 0)],
    [0x7d],
    [0xb9],
    [0xa2],
    [0x39, ...at(3, 0)],
  ];
  const body = loop(
    [
      ...get(sums!),
      ...row(get(sums!), loadInt64!, get(bias!), subtractInt64!, toFloat64!, get(unit!), timesFloat64!),
      ...storeFloat64!,
      ...row(get(sums!), int32(8), int32Add, set(sums!)),
    ],
    sums!,
    end!,
  );
  return sized([...list([]), ...body, 0x0b]);
}

function moduleBytes(pages: number): Uint8Array {
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(list(items))];
  const signature = (parameters: Code): Code => [0x60, ...list(parameters.map((one) => [one])), ...list([])];
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, [
      signature([type.i32, type.i32, type.i32, type.f64]),
      signature([type.i32, type.i32, type.i64, type.f64]),
      signature([type.i32, type.i32]),
    ]),
    ...section(3, [[0], [1], [2]]),
    ...section(5, [[0x00, ...unsigned(pages)]]),
    ...section(7, [
      [...text('memory'), 2, 0],
      [...text('add'), 0, 0],
      [...text('finish'), 0, 1],
      [...text('largest'), 0, 2],
    ]),
    ...section(10, [addCode(), finishCode(), largestCode()]),
  ]);
}

/** The compiled loops, with a memory of so many bytes. */
export function exactSumKernel(memoryBytes: number): ExactSumKernel {
  const compiled = new WebAssembly.Module(moduleBytes(Math.ceil(memoryBytes / 65_536)));
  return new WebAssembly.Instance(compiled).exports as ExactSumKernel;
}
