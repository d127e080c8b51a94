// Tag → value representation and keyword (PS3.6), read once, when first asked for, from the table that scripts/dicom-dictionary.ts
// generates: one element a line, its tag (8 hex digits, x = any), value representation (2 letters) and keyword. A file in explicit
// VR needs none of it.
import { readFileSync } from 'node:fs';

export interface DictionaryEntry {
  readonly vr: string;
  readonly keyword: string;
}

interface Pattern extends DictionaryEntry {
  readonly mask: number;
  readonly value: number;
}

interface Dictionary {
  readonly exact: ReadonlyMap<number, DictionaryEntry>;
  readonly patterns: readonly Pattern[];
}

let dictionary: Dictionary | null = null;

function parseTable(table: string): Dictionary {
  const exact = new Map<number, DictionaryEntry>();
  const patterns: Pattern[] = [];
  for (const line of table.split('\n')) {
    if (line.length < 11) continue;
    const digits = line.slice(0, 8);
    const entry = { vr: line.slice(8, 10), keyword: line.slice(10) };
    if (!digits.includes('x')) exact.set(Number.parseInt(digits, 16), entry);
    else {
      const mask = Number.parseInt(digits.replace(/[0-9a-f]/g, 'f').replace(/x/g, '0'), 16);
      patterns.push({ ...entry, mask, value: Number.parseInt(digits.replace(/x/g, '0'), 16) });
    }
  }
  return { exact, patterns };
}

const groupLength: DictionaryEntry = { vr: 'UL', keyword: 'GroupLength' };
const privateCreator: DictionaryEntry = { vr: 'LO', keyword: 'PrivateCreator' };

/** The standard's entry for `tag` (0xGGGGEEEE), null where PS3.6 knows none (private data elements among them). */
export function dictionaryEntry(tag: number): DictionaryEntry | null {
  dictionary ??= parseTable(readFileSync(new URL('./dictionary-table.txt', import.meta.url), 'utf8'));
  const { exact, patterns } = dictionary;
  const found = exact.get(tag);
  if (found !== undefined) return found;
  const group = tag >>> 16;
  const element = tag & 0xffff;
  if (element === 0) return groupLength;
  if ((group & 1) === 1) return element >= 0x10 && element <= 0xff ? privateCreator : null;
  for (const pattern of patterns) if ((tag & pattern.mask) >>> 0 === pattern.value) return pattern;
  return null;
}
