// Every file of pydicom's collection, read by us and by pydicom: the fields that identify and describe must be equal.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHeaderFile } from '../../../../src/station/library/header-file.ts';
import { tags } from '../../../../src/station/library/tags.ts';
import { textOf, topDecoder } from '../../../../src/station/library/values.ts';

const collection = path.resolve(import.meta.dirname, '../../../../../shared/data/dicom/pydicom');
const script = path.join(import.meta.dirname, 'read-with-pydicom.py');

const fields = [
  'SOPInstanceUID',
  'SOPClassUID',
  'StudyInstanceUID',
  'SeriesInstanceUID',
  'PatientID',
  'PatientName',
  'PatientBirthDate',
  'PatientSex',
  'StudyDate',
  'StudyDescription',
  'SeriesDescription',
  'AccessionNumber',
  'Modality',
  'InstanceNumber',
  'NumberOfFrames',
] as const;

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const inside = path.join(folder, name);
    return statSync(inside).isDirectory() ? filesBelow(inside) : [inside];
  });
}

function pythonWithPydicom(): string | null {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import pydicom'], { stdio: 'ignore' });
      return python;
    } catch {
      continue;
    }
  }
  return null;
}

function ours(file: string): Record<string, string> {
  const { dataSet } = readHeaderFile(file, { keepItems: false });
  const decode = topDecoder(dataSet);
  return Object.fromEntries(fields.map((field) => [field, textOf(dataSet, dataSet.elements.get(tags[field]), decode)]));
}

describe('the header reader beside pydicom', () => {
  it('reads the same identifying fields from every file that pydicom can read', (ctx) => {
    ctx.skip(!existsSync(collection), '../shared/data/dicom/pydicom is absent');
    const python = pythonWithPydicom() ?? '';
    ctx.skip(python === '', 'python3 with pydicom is not installed');
    const files = filesBelow(collection).filter((file) => !/(README|LICENSE|\.\w{2,4}(?<!\.dcm))$/.test(file));
    const output = execFileSync(python, [script, JSON.stringify(fields)], {
      input: files.join('\n'),
      maxBuffer: 64 * 1024 * 1024,
    });
    const theirs = JSON.parse(output.toString()) as Record<string, Record<string, string>>;
    const differences: string[] = [];
    let compared = 0;
    for (const file of files) {
      const expected = theirs[file]!;
      // Without a UID pydicom found no data set: there are files (stray bytes, no meta header) that only we read.
      if (expected['error'] !== undefined || expected['SOPInstanceUID'] === '') continue;
      const found = ours(file);
      compared += 1;
      for (const field of fields) {
        const theirValue = expected[field]!.trim();
        if (found[field] === theirValue) continue;
        differences.push(`${path.relative(collection, file)} ${field}: ${found[field]} / ${theirValue}`);
      }
    }
    expect(compared).toBeGreaterThan(150);
    expect(differences).toEqual([]);
  });
});
