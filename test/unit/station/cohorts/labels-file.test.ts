import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { SelectedInstance } from '../../../../src/station/cohorts/cohort-library.ts';
import { delimitedRows, parseDelimitedText } from '../../../../src/station/cohorts/delimited-text.ts';
import { openDraftTable } from '../../../../src/station/cohorts/draft-table.ts';
import { turnsOf } from '../../../../src/station/cohorts/turns.ts';
import { matchLabels } from '../../../../src/station/cohorts/label-matching.ts';
import { openLabelsFile } from '../../../../src/station/cohorts/labels-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'imagiq-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

function labelsFile(content: string | Uint8Array): string {
  const file = path.join(folder, 'labels.csv');
  writeFileSync(file, content);
  return file;
}

function instance(number: number, at = `/archive/a/${number}.dcm`): SelectedInstance {
  const patient = `P${Math.floor(number / 2)}`;
  return {
    sopInstanceUID: `1.${number}`,
    studyInstanceUID: `2.${Math.floor(number / 2)}`,
    seriesInstanceUID: '3.1',
    patientID: patient,
    patientKey: patient,
    path: at,
    modality: 'CT',
    frames: 1,
    position: null,
  };
}

describe('delimited text', () => {
  it('is the same in pieces, wherever they end', () => {
    const text = 'file;label\r\n"a; ""b"".dcm";"line\r\nbreak"\r\n\r\nc.dcm;\nd.dcm;x\n"e;1';
    const whole = parseDelimitedText(text);
    expect(whole.rows).toHaveLength(4);
    for (let length = 1; length <= text.length; length += 1) {
      const pieces = text.match(new RegExp(`[^]{1,${length}}`, 'g'))!;
      const [columns, ...rows] = delimitedRows(pieces);
      expect({ columns, rows }).toEqual(whole);
    }
  });

  it('reads quotes, doubled quotes, line breaks in quotes and missing cells', () => {
    const { columns, rows } = parseDelimitedText('file,label\r\n"a, ""b"".dcm","line\nbreak"\r\nc.dcm\n\n');
    expect(columns).toEqual(['file', 'label']);
    expect(rows).toEqual([
      ['a, "b".dcm', 'line\nbreak'],
      ['c.dcm', ''],
    ]);
  });

  it.each([',', ';', '\t'])('finds the separator %j by itself', (separator) => {
    expect(parseDelimitedText(`file${separator}label\nx.dcm${separator}1`).rows).toEqual([['x.dcm', '1']]);
  });

  it('ends with an unclosed quote and with no line at all', () => {
    expect(parseDelimitedText('file,label\n"open,1').rows).toEqual([['open,1', '']]);
    expect(parseDelimitedText('')).toEqual({ columns: [], rows: [] });
  });
});

describe('a labels file', () => {
  it('is read with a byte order mark, as UTF-16, and as Windows-1252', () => {
    expect(openLabelsFile(labelsFile('\uFEFFfile;label\na.dcm;1'), null).key).toBe('file');
    const utf16 = Buffer.from('\uFEFFfile\tlabel\na.dcm\tépanchement', 'utf16le');
    expect([...openLabelsFile(labelsFile(utf16), null).rows()][0]?.label).toBe('épanchement');
    const latin = Buffer.from('file,label\na.dcm,\u00e9panchement', 'latin1');
    expect([...openLabelsFile(labelsFile(latin), null).rows()][0]?.label).toBe('épanchement');
  });

  it('takes the most exact column and another label column where one is named', () => {
    const file = labelsFile('PatientID,SOP Instance UID,grade\np,1.1,high');
    const { key, rows } = openLabelsFile(file, 'grade');
    expect({ key, rows: [...rows()] }).toMatchObject({
      key: 'sopInstanceUID',
      rows: [{ key: '1.1', label: 'high' }],
    });
  });

  it.each([
    ['is not there', 201, null, null],
    ['is empty', 202, '', null],
    ['has a header only', 202, 'file,label\n', null],
    ['names no image', 203, 'name,label\na,1', null],
    ['has no label column', 204, 'file,grade\na,1', null],
    ['has not the label column asked for', 204, 'file,label\na,1', 'grade'],
    ['has an endless label', 210, `file,label\na,${'x'.repeat(101)}`, null],
  ])('that %s is refused with code %i', (_, code, content, column) => {
    const file = content === null ? path.join(folder, 'absent.csv') : labelsFile(content);
    expect(() => openLabelsFile(file, column)).toThrow(expect.objectContaining({ code }));
  });

  it('without the column of the label says how another one is named', () => {
    expect(() => openLabelsFile(labelsFile('file,grade\na,1'), null)).toThrow(/“file”, “grade”.*--label-column/);
  });

  it('tells which columns it found', () => {
    expect(() => openLabelsFile(labelsFile('scan,grade\na,1'), null)).toThrow(/“scan”, “grade”/);
  });
});

describe('matching labels', () => {
  async function match(text: string, instances: SelectedInstance[]) {
    const table = openDraftTable(folder);
    const patient = { pseudonym: 'a', rank: new Uint8Array(32), isForgotten: false };
    for (const one of instances) table.admit(one, () => patient);
    const found = await matchLabels(openLabelsFile(labelsFile(text), null), table, turnsOf({}));
    const labels = new Map(table.clearLabels());
    table.close();
    return { ...found, labels };
  }

  it('finds files by whole path, by the end of the path, by name, and by a path from another machine', async () => {
    const instances = [instance(1), instance(2), instance(3), instance(4)];
    const rows = 'file,label\n/archive/a/1.dcm,x\na/2.dcm,x\n3.dcm,y\nC:\\data\\4.dcm,y';
    expect([...(await match(rows, instances)).labels]).toEqual([
      ['1.1', 'x'],
      ['1.2', 'x'],
      ['1.3', 'y'],
      ['1.4', 'y'],
    ]);
  });

  it('does not guess between files of one name', async () => {
    const instances = [instance(1, '/p/1/CT1.dcm'), instance(2, '/p/2/CT1.dcm')];
    const { labels, warnings } = await match('file,label\nCT1.dcm,x\n2/CT1.dcm,y', instances);
    expect([...labels]).toEqual([['1.2', 'y']]);
    expect(warnings.join()).toMatch(/1 row of the labels file names a file that exists more than once/);
  });

  it('labels all images of a study or a patient', async () => {
    expect((await match('studyInstanceUID,label\n2.1,x', [instance(1), instance(2), instance(3)])).labels.size).toBe(2);
    expect((await match('patientID,label\nP1,x', [instance(1), instance(2), instance(3)])).labels.size).toBe(2);
  });

  it('counts unmatched, repeated, empty and contradicting rows', async () => {
    const rows = 'sopInstanceUID,label\n1.1,x\n1.1,x\n1.2,x\n1.2,y\n9.9,x\n1.3,';
    const { labels, warnings, matchedRows } = await match(rows, [instance(1), instance(2), instance(3)]);
    expect([...labels]).toEqual([['1.1', 'x']]);
    expect(matchedRows).toBe(4);
    expect(warnings).toEqual([
      '1 row of the labels file matches no chosen image.',
      '1 row of the labels file is without key or label.',
      '1 row of the labels file repeats another.',
      '1 image has contradicting labels and is left out.',
    ]);
  });
});
