// Breaks DICOM files on purpose, the same way for the same seed.

export type Random = () => number;

/** mulberry32: numbers in [0, 1). */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The header's reach: most elements of most files lie before it. */
const headBytes = 4_096;
const hostileLengths = [0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000, 0xffff0000, 0x10000000, 0xffff, 1, 0];
const representations =
  'AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OW PN SH SL SQ SS ST TM UC UI UL UN UR US UT'.split(' ');
const item = Buffer.from('feff00e0', 'hex');
/** Element numbers in group 0028 that shape memory: samples, rows, columns, bits (PS3.3 C.7.6.3), palette sizes. */
const countElements = [0x0002, 0x0010, 0x0011, 0x0100, 0x0101, 0x0102, 0x1101];

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const below = (random: Random, limit: number): number => Math.floor(random() * Math.max(1, limit));

/** Mostly in the header, where structure is; now and then anywhere. */
function placeIn(bytes: Buffer, random: Random, width: number): number {
  const last = Math.max(0, bytes.length - width);
  return random() < 0.75 ? Math.min(last, 128 + below(random, Math.min(headBytes, last))) : below(random, last + 1);
}

/** Where an explicit representation stands, searched from a random place; null where none is near. */
function representationAt(bytes: Buffer, random: Random): number | null {
  const from = placeIn(bytes, random, 8);
  for (let at = from; at < Math.min(bytes.length - 8, from + 512); at += 1)
    if (representations.includes(bytes.toString('latin1', at, at + 2))) return at;
  return null;
}

export const mutations: Readonly<Record<string, Mutation>> = {
  bits(bytes, random) {
    const flips = 1 + below(random, 24);
    for (let flip = 0; flip < flips; flip += 1) {
      const at = placeIn(bytes, random, 1);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
    }
    return bytes;
  },
  // Half of the time within the header.
  truncated: (bytes, random) =>
    bytes.subarray(0, below(random, random() < 0.5 ? bytes.length : Math.min(bytes.length, headBytes))),
  lengths(bytes, random) {
    for (let edit = 1 + below(random, 4); edit > 0; edit -= 1) {
      const at = representationAt(bytes, random) ?? placeIn(bytes, random, 12);
      const length = hostileLengths[below(random, hostileLengths.length)] ?? 0;
      if (random() < 0.5 && at + 8 <= bytes.length) bytes.writeUInt32LE(length, at + 4);
      else if (at + 4 <= bytes.length) bytes.writeUInt16LE(length & 0xffff, at + 2);
    }
    return bytes;
  },
  representations(bytes, random) {
    for (let edit = 1 + below(random, 6); edit > 0; edit -= 1) {
      const at = representationAt(bytes, random);
      if (at !== null) bytes.write(representations[below(random, representations.length)] ?? 'UN', at, 'latin1');
    }
    return bytes;
  },
  spliced(bytes, random, other) {
    const cut = below(random, Math.min(bytes.length, headBytes * 2));
    return Buffer.concat([
      bytes.subarray(0, cut),
      other.subarray(below(random, Math.min(other.length, headBytes * 2))),
    ]);
  },
  inserted(bytes, random, other) {
    const at = placeIn(bytes, random, 1);
    const from = below(random, other.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      other.subarray(from, from + below(random, 2_000)),
      bytes.subarray(at),
    ]);
  },
  removed(bytes, random) {
    const at = placeIn(bytes, random, 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 200))]);
  },
  nested(bytes, random) {
    // (0008,1140) of undefined length, again and again: explicit and implicit.
    const explicit = Buffer.concat([
      Buffer.from('0800401153510000ffffffff', 'hex'),
      item,
      Buffer.from('ffffffff', 'hex'),
    ]);
    const implicit = Buffer.concat([Buffer.from('08004011ffffffff', 'hex'), item, Buffer.from('ffffffff', 'hex')]);
    const levels = 1 + below(random, 20_000);
    const at = Math.min(bytes.length, 132 + below(random, 1_000));
    const level = random() < 0.5 ? explicit : implicit;
    return Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: levels }, () => level), bytes.subarray(at)]);
  },
  'empty items'(bytes, random) {
    const at = Math.min(bytes.length, 132 + below(random, 1_000));
    const sequence = Buffer.from('0800401153510000ffffffff', 'hex');
    const many = Buffer.concat(
      Array.from({ length: 1 + below(random, 50_000) }, () => Buffer.concat([item, Buffer.alloc(4)])),
    );
    return Buffer.concat([bytes.subarray(0, at), sequence, many, bytes.subarray(at)]);
  },
  counts(bytes, random) {
    for (let edit = 1 + below(random, 3); edit > 0; edit -= 1) {
      const element = countElements[below(random, countElements.length)] ?? 0;
      const found = bytes.indexOf(Buffer.from([0x28, 0, element & 0xff, element >> 8]));
      if (found < 0 || found + 16 > bytes.length) continue;
      bytes.writeUInt16LE(hostileLengths[below(random, hostileLengths.length)]! & 0xffff, found + 8);
    }
    return bytes;
  },
  frames(bytes, random) {
    const at = bytes.indexOf(Buffer.from([0x28, 0, 8, 0]));
    if (at < 0 || at + 20 > bytes.length) return bytes;
    const written = String(10 ** below(random, 12)).slice(0, 12);
    const value = written.length % 2 === 0 ? written : `${written} `;
    const element = Buffer.concat([
      Buffer.from([0x28, 0, 8, 0]),
      Buffer.from('IS'),
      Buffer.from([value.length, 0]),
      Buffer.from(value),
    ]);
    return Buffer.concat([bytes.subarray(0, at), element, bytes.subarray(at)]);
  },
  zeros(bytes, random) {
    const at = placeIn(bytes, random, 1);
    return bytes.fill(random() < 0.5 ? 0 : 0xff, at, Math.min(bytes.length, at + below(random, 4_000)));
  },
  noise(bytes, random) {
    const at = placeIn(bytes, random, 1);
    const end = Math.min(bytes.length, at + below(random, 4_000));
    for (let each = at; each < end; each += 1) bytes[each] = below(random, 256);
    return bytes;
  },
  // Most of a file of an image is pixel data: what is changed there, the codecs see.
  codestream(bytes, random) {
    const start = Math.min(bytes.length >> 1, headBytes);
    for (let edit = 1 + below(random, 32); edit > 0; edit -= 1)
      bytes[start + below(random, bytes.length - start)] = below(random, 256);
    return bytes;
  },
};
/** Codestreams three times: each syntax has a decoder of its own. */
const names = [...Object.keys(mutations), 'codestream', 'codestream'];

/** One broken file, and what was done to it. `bytes` is not changed. */
export function mutated(bytes: Buffer, other: Buffer, random: Random): { bytes: Buffer; how: string } {
  const done: string[] = [];
  let broken = Buffer.from(bytes);
  do {
    const name = names[below(random, names.length)] ?? 'bits';
    if (broken.length === 0) break;
    broken = Buffer.from(mutations[name]!(broken, random, other));
    done.push(name);
  } while (random() < 0.25 && done.length < 4);
  return { bytes: broken, how: done.join(' + ') };
}
