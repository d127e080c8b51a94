// The files that a DICOMDIR lists (PS3.3 Annex F), and which of them the disc does not have.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { DataSet } from '../dataset.ts';
import { numbersOf, textOf, topDecoder } from '../values.ts';

const tags = {
  DirectoryRecordSequence: 0x00041220,
  RecordInUseFlag: 0x00041410,
  ReferencedFileID: 0x00041500,
} as const;

const recordsLimit = 1_000_000;

/** Paths below the folder of the DICOMDIR, with plain slashes, as it spells them; each once. */
export function listedFiles(directory: DataSet): string[] {
  const records = directory.elements.get(tags.DirectoryRecordSequence)?.items ?? [];
  const decode = topDecoder(directory);
  const listed = new Set<string>();
  for (const record of records.slice(0, recordsLimit)) {
    // A record that was struck out (PS3.3 F.3.2.2) means no file.
    if (numbersOf(directory, record.elements.get(tags.RecordInUseFlag), 1)[0] === 0) continue;
    const parts = textOf(directory, record.elements.get(tags.ReferencedFileID), decode, 1_024)
      .split('\\')
      .map((part) => part.trim())
      .filter((part) => part !== '' && part !== '.');
    if (parts.length > 0 && !parts.includes('..')) listed.add(parts.join('/'));
  }
  return [...listed];
}

/** Which of the listed files are not below `folder`. Discs spell names in either case, with or without a version. */
export function missingFiles(folder: string, listed: readonly string[]): string[] {
  const folders = new Map<string, ReadonlyMap<string, string>>();
  const entriesOf = (at: string): ReadonlyMap<string, string> => {
    const known = folders.get(at);
    if (known !== undefined) return known;
    const entries = new Map(namesIn(at).map((name) => [plainName(name), name]));
    folders.set(at, entries);
    return entries;
  };
  return listed.filter((file) => {
    let at = folder;
    for (const part of file.split('/')) {
      const name = entriesOf(at).get(plainName(part));
      if (name === undefined) return true;
      at = path.join(at, name);
    }
    return false;
  });
}

/** As names compare: ISO 9660 writes `IM000001.;1` where the DICOMDIR says IM000001. */
export const plainName = (name: string): string => name.toLowerCase().replace(/;\d+$/, '').replace(/\.$/, '');

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
