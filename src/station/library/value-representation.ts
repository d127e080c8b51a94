// Value representations (PS3.5 6.2): which exist, and which carry a 32-bit length in explicit encoding.
const short = 'AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' ');
const long = 'OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' ');

const codeOf = (vr: string): number => (vr.charCodeAt(0) << 8) | vr.charCodeAt(1);
const shortCodes = new Map(short.map((vr) => [codeOf(vr), vr]));
const longCodes = new Map(long.map((vr) => [codeOf(vr), vr]));

/** Whether a known value representation's two letters stand at `offset`. */
export function isVr(bytes: Uint8Array, offset: number): boolean {
  const code = (bytes[offset]! << 8) | bytes[offset + 1]!;
  return shortCodes.has(code) || longCodes.has(code);
}

/** The known value representation at `offset` and whether its length takes 32 bits; null where none is known. */
export function vrAt(bytes: Uint8Array, offset: number): { vr: string; long: boolean } | null {
  const code = (bytes[offset]! << 8) | bytes[offset + 1]!;
  const asShort = shortCodes.get(code);
  if (asShort !== undefined) return { vr: asShort, long: false };
  const asLong = longCodes.get(code);
  return asLong === undefined ? null : { vr: asLong, long: true };
}
