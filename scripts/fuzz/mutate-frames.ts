// Breaks frames of recorded sessions on purpose, the same way for the same seed: on the line, where nobody has the session's keys, and
// behind the seal, as a member or a hub that lies would.
import { crc32 } from 'node:zlib';
import { chunkHeaderBytes } from '../../src/sync/protocol/chunk-frame.ts';
import { wireLimits } from '../../src/sync/protocol/limits.ts';
import { parseJson } from '../../src/sync/protocol/statement.ts';
import type { Random } from './mutate.ts';

/** What is sent in place of a frame. */
export type Attack = {
  /** What was done to it, one after the other. */
  readonly how: readonly string[];
} & (
  | { readonly form: 'sealed'; readonly json: string }
  /** Properly sealed, and then changed on its way. */
  | { readonly form: 'changed'; readonly json: string; readonly change: (sealed: Buffer) => Buffer }
  /** Sealed with the keys of another session. */
  | { readonly form: 'foreign'; readonly json: string }
  /** The last sealed frame again. */
  | { readonly form: 'replayed' }
  /** Two sealed frames, the second alone. */
  | { readonly form: 'skipped'; readonly json: string }
  | { readonly form: 'chunk'; readonly change: (chunk: Buffer) => Buffer }
);

const below = (random: Random, limit: number): number => Math.floor(random() * Math.max(1, limit));
const pick = <T>(from: readonly T[], random: Random): T => from[below(random, from.length)]!;
/** One of its own each time: a later change may reach into it. */
const hostileValue = (random: Random): unknown => structuredClone(pick(hostileValues, random));

/** Stands in a JSON text where thousands of nested arrays are to be. */
const nest = '@nest@';
const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  -(2 ** 31),
  1e308,
  '',
  '0'.repeat(64),
  'F'.repeat(64),
  'x'.repeat(70_000),
  '../../hub-keys.json',
  "'; DROP TABLE members; --",
  '\u0000',
  '\ud800',
  'NaN',
  [],
  {},
  nest,
  [nest],
  Array.from({ length: 2_000 }, () => 0),
  { constructor: { prototype: {} } },
];
const kinds = [
  'put-begin put-end get-begin chunk-received have sending stored refused update-offered model-published project-answered',
  'heads-exchanged masked-update-offered mask-shares-dealt masked-update-sent masks-revealed masked-buffer-refused',
  'project-announced trunk-committed members-changed members-updated update-accepted model-available model-relayed',
  'masked-buffer-opened mask-shares-relayed unmasking-asked masked-update-counted masked-buffer-ended noted answer-recorded',
  'model-offered model-noted model-taken addresses-told open hello authenticate welcome dance',
]
  .join(' ')
  .split(' ');
const hostileLengths = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, wireLimits.chunkBytes, wireLimits.chunkBytes + 1];
const hostileOffsets = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
  BigInt(wireLimits.blobBytes),
];

type Place = { readonly holder: Record<string, unknown>; readonly key: string };

function placesIn(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    const holder = value as Record<string, unknown>;
    found.push({ holder, key });
    placesIn(holder[key], found);
  }
  return found;
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const broken = Buffer.from(bytes);
  for (let flips = 1 + below(random, 8); flips > 0; flips -= 1) {
    const at = below(random, broken.length);
    broken[at] = (broken[at] ?? 0) ^ (1 << below(random, 8));
  }
  // Two flips of one bit are none.
  if (broken.length > 0 && broken.equals(bytes)) broken[0]! ^= 1;
  return broken;
}

type JsonMutation = (message: Record<string, unknown>, random: Random, other: Record<string, unknown>) => void;
/** Of a message that has lost all its fields: its kind. */
const at = (message: Record<string, unknown>, random: Random): Place =>
  pick(placesIn(message), random) ?? { holder: message, key: 'kind' };

const jsonMutations: Readonly<Record<string, JsonMutation>> = {
  'a field of another type'(message, random) {
    const { holder, key } = at(message, random);
    holder[key] = hostileValue(random);
  },
  'a field left out'(message, random) {
    const { holder, key } = at(message, random);
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  'another kind'(message, random) {
    message['kind'] = pick(kinds, random);
  },
  // Its fields stay: one kind's content under another's name.
  'fields of another message'(message, random, other) {
    for (const key of Object.keys(other))
      if (key !== 'kind' && random() < 0.7) message[key] = structuredClone(other[key]);
  },
  'text changed'(message, random) {
    const texts = placesIn(message).filter(({ holder, key }) => typeof holder[key] === 'string');
    if (texts.length === 0) return;
    const { holder, key } = pick(texts, random);
    const text = holder[key] as string;
    const from = below(random, text.length);
    const ways = [
      () => text.slice(0, from) + String.fromCodePoint(32 + below(random, 90)) + text.slice(from + 1),
      () => text.slice(0, from),
      () => text + text,
      () => text.slice(0, from) + text.slice(from + 1),
    ];
    holder[key] = pick(ways, random)();
  },
  'a number changed'(message, random) {
    const numbers = placesIn(message).filter(({ holder, key }) => typeof holder[key] === 'number');
    if (numbers.length === 0) return;
    const { holder, key } = pick(numbers, random);
    holder[key] = (holder[key] as number) + pick([-1, 1, 0.5, 2 ** 31, -(2 ** 40)], random);
  },
  // A signature that holds, of another statement.
  'a signature of another statement'(message, random, other) {
    const signed = (from: Record<string, unknown>) => placesIn(from).filter(({ key }) => key === 'signature');
    const [own, theirs] = [signed(message), signed(other)];
    if (own.length === 0 || theirs.length === 0) return;
    const [to, from] = [pick(own, random), pick(theirs, random)];
    to.holder[to.key] = from.holder[from.key];
    if (random() < 0.5) to.holder['statement'] = from.holder['statement'];
  },
  /** Inside a statement, which is JSON in JSON. */
  'a statement’s field of another type'(message, random) {
    const statements = placesIn(message).filter(
      ({ key, holder }) => key === 'statement' && typeof holder[key] === 'string',
    );
    if (statements.length === 0) return;
    const { holder, key } = pick(statements, random);
    // An earlier mutation may have left none.
    const inner = parseJson(holder[key] as string);
    const places = placesIn(inner);
    if (places.length === 0) return;
    const place = pick(places, random);
    place.holder[place.key] = hostileValue(random);
    holder[key] = JSON.stringify(inner);
  },
  'a list that is long'(message, random) {
    const lists = placesIn(message).filter(({ holder, key }) => Array.isArray(holder[key]));
    if (lists.length === 0) return;
    const { holder, key } = pick(lists, random);
    const list = holder[key] as unknown[];
    holder[key] = Array.from(
      { length: 1 + below(random, 300) },
      (_, index) => list[index % Math.max(1, list.length)] ?? {},
    );
  },
};
const jsonNames = Object.keys(jsonMutations);

type TextMutation = (json: string, random: Random) => string;
const textMutations: Readonly<Record<string, TextMutation>> = {
  'JSON cut off': (json, random) => json.slice(0, below(random, json.length)),
  'JSON with bits flipped': (json, random) => flipped(Buffer.from(json), random).toString('latin1'),
  'JSON twice': (json) => json + json,
  'a key twice': (json, random) => `{"kind":${JSON.stringify(pick(kinds, random))},${json.slice(1)}`,
  'no JSON at all': (_, random) =>
    pick(['', ' ', 'null', '[]', '"kind"', '1e999', '{', nest, '\u0000', '{"__proto__":{"kind":"leave"}}'], random),
};
const textNames = Object.keys(textMutations);

const withNest = (json: string): string =>
  json.replaceAll(JSON.stringify(nest), nest).replaceAll(nest, '['.repeat(5_000) + ']'.repeat(5_000));

/** A message that a member, or a hub, with the right seal might say. `message` is not changed. */
export function brokenMessage(message: object, other: object, random: Random): { json: string; how: string[] } {
  const done: string[] = [];
  const broken = structuredClone(message) as Record<string, unknown>;
  let json = '';
  if (random() < 0.8) {
    do {
      const name = pick(jsonNames, random);
      jsonMutations[name]!(broken, random, other as Record<string, unknown>);
      done.push(name);
    } while (random() < 0.3 && done.length < 4);
    json = JSON.stringify(broken);
  } else {
    const name = pick(textNames, random);
    json = textMutations[name]!(JSON.stringify(message), random);
    done.push(name);
  }
  return { json: withNest(json), how: done };
}

type Bytes = (bytes: Buffer, random: Random) => Buffer;
const lineMutations: Readonly<Record<string, Bytes>> = {
  'bits flipped': flipped,
  'cut off': (sealed, random) => sealed.subarray(0, below(random, sealed.length)),
  // The seal is the first 43 characters.
  'the seal flipped': (sealed, random) => Buffer.concat([flipped(sealed.subarray(0, 43), random), sealed.subarray(43)]),
  'bytes put in': (sealed, random) => {
    const place = below(random, sealed.length);
    return Buffer.concat([
      sealed.subarray(0, place),
      Buffer.alloc(1 + below(random, 64), below(random, 256)),
      sealed.subarray(place),
    ]);
  },
  'bytes taken out': (sealed, random) => {
    const place = below(random, sealed.length);
    return Buffer.concat([sealed.subarray(0, place), sealed.subarray(place + 1 + below(random, 64))]);
  },
  'no seal': (sealed) => sealed.subarray(43),
};
const lineNames = Object.keys(lineMutations);

const sealAnew = (chunk: Buffer): Buffer => {
  chunk.writeUInt32LE(crc32(chunk.subarray(chunkHeaderBytes)), 32);
  return chunk;
};
const chunkMutations: Readonly<Record<string, Bytes>> = {
  'a chunk with bits flipped': flipped,
  'a chunk’s header flipped': (chunk, random) =>
    Buffer.concat([flipped(chunk.subarray(0, chunkHeaderBytes), random), chunk.subarray(chunkHeaderBytes)]),
  'a chunk cut off': (chunk, random) => chunk.subarray(0, below(random, chunk.length)),
  'a chunk of hostile length'(chunk, random) {
    chunk.writeUInt32LE(pick(hostileLengths, random), 20);
    return chunk;
  },
  'a chunk at a hostile offset'(chunk, random) {
    chunk.writeBigUInt64LE(pick(hostileOffsets, random), 24);
    return chunk;
  },
  // The checksum fits: only the hash of the whole can tell.
  'a chunk of other bytes'(chunk, random) {
    const bytes = chunk.subarray(chunkHeaderBytes);
    return sealAnew(Buffer.concat([chunk.subarray(0, chunkHeaderBytes), flipped(bytes, random)]));
  },
  'a chunk that is too long'(chunk, random) {
    const long = Buffer.concat([chunk, Buffer.alloc(1 + below(random, 4_096), 7)]);
    long.writeUInt32LE(long.length - chunkHeaderBytes, 20);
    return sealAnew(long);
  },
  'a chunk of another transfer'(chunk, random) {
    for (let byte = 4; byte < 20; byte += 1) chunk[byte] = below(random, 256);
    return chunk;
  },
  'noise as bytes': (_, random) => Buffer.from(Array.from({ length: below(random, 200) }, () => below(random, 256))),
};
const chunkNames = Object.keys(chunkMutations);

/** The messages of a session by their kind: a kind that was said once is broken as often as one that was said a thousand times. */
export function byKind(messages: readonly object[]): (readonly object[])[] {
  return [...Map.groupBy(messages, (message) => ('kind' in message ? message.kind : null)).values()];
}

/** One broken frame of a session (`byKind`). The chunk that is changed is the reader's to make: it belongs to an open transfer. */
export function attackOn(session: readonly (readonly object[])[], random: Random): Attack {
  const any = (): object => pick(pick(session, random), random);
  const message = any();
  const kind = random();
  if (kind < 0.5) return { form: 'sealed', ...brokenMessage(message, any(), random) };
  const json = JSON.stringify(message);
  if (kind < 0.7) {
    const how = pick(lineNames, random);
    // The same number that chose the change makes it, whenever it is made.
    return { form: 'changed', json, how: [how], change: (sealed) => lineMutations[how]!(sealed, random) };
  }
  if (kind < 0.9) {
    const how = pick(chunkNames, random);
    return { form: 'chunk', how: [how], change: (chunk) => chunkMutations[how]!(chunk, random) };
  }
  if (kind < 0.94) return { form: 'replayed', how: ['the last frame again'] };
  if (kind < 0.97) return { form: 'skipped', how: ['a frame left out'], json };
  return { form: 'foreign', how: ['the seal of another session'], json };
}
