// Writes src/station/library/dictionary-table.txt: tag, value representation and keyword of every element of PS3.6,
// taken from dcmjs' dictionary (a development source only: the product reads the table). Run it after a dcmjs update:
//   node scripts/dicom-dictionary.ts
import { writeFileSync } from 'node:fs';
// @ts-expect-error dcmjs carries no types
import { data } from 'dcmjs';

interface Entry {
  tag: string;
  vr: string;
  name: string;
  version?: string;
}

// Where PS3.6 leaves a choice, the table names the form that a reader in implicit VR must assume.
const chosen: Record<string, string> = { ox: 'OW', xs: 'US', lt: 'OW', up: 'UL', na: 'UN' };

const nameMap = data.DicomMetaDictionary.nameMap as Record<string, Entry>;
const lines = new Map<string, string>();
for (const { tag, vr, name: keyword, version } of Object.values(nameMap)) {
  if (version !== undefined && !version.startsWith('DICOM')) continue;
  const digits = tag.replace(/[(),]/g, '').toLowerCase();
  if (!/^[0-9a-fx]{8}$/.test(digits) || !/^[A-Za-z0-9]+$/.test(keyword)) continue;
  const one = (chosen[vr] ?? vr).slice(0, 2).toUpperCase();
  lines.set(digits, `${digits}${one}${keyword.replace(/^RETIRED_/, '')}`);
}

const table = [...lines.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
// Text, not TypeScript: every thread that reads DICOM would strip its types anew, which took longer than all the rest.
writeFileSync(new URL('../src/station/library/dictionary-table.txt', import.meta.url), `${table.join('\n')}\n`);
console.log(`${table.length} elements`);
