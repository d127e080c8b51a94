// Text under SpecificCharacterSet (0008,0005): single sets by TextDecoder, ISO 2022 code extensions (PS3.5 6.1.2.5) by a
// segmenter of our own, since no TextDecoder follows G1 escapes.

type Decode = (bytes: Uint8Array) => string;

/** A coded character set as ISO 2022 designates it: bytes per character, and how a run of it becomes text. */
interface CodedSet {
  readonly width: 1 | 2;
  readonly decode: Decode;
}

const latin1: Decode = (bytes) =>
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('latin1');

function decoderOf(label: string): Decode {
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  return (bytes) => decoder.decode(bytes);
}

/** EUC form of 7-bit pairs: high bits set, each character after `prefix` where the set needs one. */
function eucOf(bytes: Uint8Array, prefix: number | null): Uint8Array {
  const euc: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    if (prefix !== null && index % 2 === 0) euc.push(prefix);
    euc.push(byte | 0x80);
  }
  return Uint8Array.from(euc);
}

const eucJp = decoderOf('euc-jp');
const single = (decode: Decode): CodedSet => ({ width: 1, decode });
const double = (decode: Decode): CodedSet => ({ width: 2, decode });

const ascii = single(latin1);
const sets = {
  latin1: single(latin1),
  latin2: single(decoderOf('iso-8859-2')),
  latin3: single(decoderOf('iso-8859-3')),
  latin4: single(decoderOf('iso-8859-4')),
  cyrillic: single(decoderOf('iso-8859-5')),
  arabic: single(decoderOf('iso-8859-6')),
  greek: single(decoderOf('iso-8859-7')),
  hebrew: single(decoderOf('iso-8859-8')),
  latin5: single(decoderOf('windows-1254')),
  latin9: single(decoderOf('iso-8859-15')),
  thai: single(decoderOf('windows-874')),
  katakana: single(decoderOf('shift_jis')),
  kanji: double((bytes) => eucJp(eucOf(bytes, null))),
  supplementaryKanji: double((bytes) => eucJp(eucOf(bytes, 0x8f))),
  korean: double(decoderOf('euc-kr')),
  chinese: double(decoderOf('gbk')),
};

/** Defined terms by the number of their ISO registration (PS3.3 C.12.1.1.2): what stands in G1 before any escape. */
const initialG1 = new Map<string, CodedSet>([
  ['100', sets.latin1],
  ['101', sets.latin2],
  ['109', sets.latin3],
  ['110', sets.latin4],
  ['144', sets.cyrillic],
  ['127', sets.arabic],
  ['126', sets.greek],
  ['138', sets.hebrew],
  ['148', sets.latin5],
  ['203', sets.latin9],
  ['166', sets.thai],
  ['13', sets.katakana],
  ['149', sets.korean],
  ['58', sets.chinese],
]);

/** Escape sequences after ESC (PS3.3 tables C.12-3, C.12-4). */
const escapes = new Map<string, { register: 'g0' | 'g1'; set: CodedSet }>([
  ['(B', { register: 'g0', set: ascii }],
  ['(J', { register: 'g0', set: ascii }],
  [')I', { register: 'g1', set: sets.katakana }],
  ['$B', { register: 'g0', set: sets.kanji }],
  ['$@', { register: 'g0', set: sets.kanji }],
  ['$(D', { register: 'g0', set: sets.supplementaryKanji }],
  ['$)C', { register: 'g1', set: sets.korean }],
  ['$)A', { register: 'g1', set: sets.chinese }],
  ['-A', { register: 'g1', set: sets.latin1 }],
  ['-B', { register: 'g1', set: sets.latin2 }],
  ['-C', { register: 'g1', set: sets.latin3 }],
  ['-D', { register: 'g1', set: sets.latin4 }],
  ['-L', { register: 'g1', set: sets.cyrillic }],
  ['-G', { register: 'g1', set: sets.arabic }],
  ['-F', { register: 'g1', set: sets.greek }],
  ['-H', { register: 'g1', set: sets.hebrew }],
  ['-M', { register: 'g1', set: sets.latin5 }],
  ['-b', { register: 'g1', set: sets.latin9 }],
  ['-T', { register: 'g1', set: sets.thai }],
]);

const whole = new Map<string, Decode>([
  ['192', decoderOf('utf-8')],
  ['GB18030', decoderOf('gb18030')],
  ['GBK', decoderOf('gbk')],
]);

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export type DecodeText = (bytes: Uint8Array, isPersonName: boolean) => string;

/**
 * The decoder for the values of SpecificCharacterSet. Unknown terms are read as UTF-8 where that fits, else Latin-1. The terms are
 * looked at when the first text comes that needs them: most files declare a set and use ASCII of it.
 */
export function textDecoder(specificCharacterSet: readonly string[]): DecodeText {
  let beyondAscii: DecodeText | null = null;
  return (bytes, isPersonName) => {
    if (isAscii(bytes)) return latin1(bytes);
    beyondAscii ??= declaredDecoder(specificCharacterSet);
    return beyondAscii(bytes, isPersonName);
  };
}

function declaredDecoder(specificCharacterSet: readonly string[]): DecodeText {
  // Terms are misspelt in the wild ("ISO-IR 100", "ISO IR 192", "ISO2022 IR 87"): the registration number identifies them.
  const terms = specificCharacterSet.map(
    (term) => /(GB18030|GBK|\d+)\s*$/i.exec(term.trim())?.[1]?.toUpperCase() ?? '',
  );
  const first = terms[0] ?? '';
  const all = whole.get(first);
  if (all !== undefined) return all;
  const g1 = initialG1.get(first) ?? null;
  const isPlain = first === '' || first === '6';
  return (bytes, isPersonName) => {
    if (g1 === null && !bytes.includes(0x1b)) {
      // Nothing declared (or nothing known): many writers mean UTF-8 then.
      try {
        return strictUtf8.decode(bytes);
      } catch {
        return latin1(bytes);
      }
    }
    return decodeSegments(bytes, isPlain ? null : g1, isPersonName);
  };
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte >= 0x80 || byte === 0x1b) return false;
  return true;
}

function decodeSegments(bytes: Uint8Array, initial: CodedSet | null, isPersonName: boolean): string {
  const atRest = { g0: ascii, g1: initial ?? sets.latin1 };
  let registers = { ...atRest };
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === 0x1b) {
      const escape = escapeAt(bytes, at + 1);
      if (escape !== null) registers = { ...registers, [escape.register]: escape.set };
      at += 1 + (escape?.length ?? 0);
      continue;
    }
    const isHigh = byte >= 0x80;
    const set = isHigh ? registers.g1 : registers.g0;
    if (!isHigh && (byte < 0x20 || set.width === 1) && isDelimiter(byte, isPersonName)) {
      // Designations end at every delimiter (PS3.5 6.1.2.5.3).
      registers = { ...atRest };
      text += String.fromCharCode(byte);
      at += 1;
      continue;
    }
    let end = at;
    while (end < bytes.length) {
      const next = bytes[end]!;
      if (next === 0x1b || next >= 0x80 !== isHigh) break;
      if (!isHigh && (next < 0x20 || set.width === 1) && isDelimiter(next, isPersonName)) break;
      end += set.width;
    }
    end = Math.min(Math.max(end, at + 1), bytes.length);
    text += set.decode(bytes.subarray(at, end));
    at = end;
  }
  return text;
}

function escapeAt(bytes: Uint8Array, at: number): { register: 'g0' | 'g1'; set: CodedSet; length: number } | null {
  for (const length of [2, 3]) {
    const found = escapes.get(latin1(bytes.subarray(at, at + length)));
    if (found !== undefined) return { ...found, length };
  }
  return null;
}

function isDelimiter(byte: number, isPersonName: boolean): boolean {
  if (byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d || byte === 0x5c) return true;
  return isPersonName && (byte === 0x5e || byte === 0x3d);
}
