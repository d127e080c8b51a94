// The validation report of imports, with real files, threads and SQLite.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../../src/contract/dicom.ts';
import { faultValueOf } from '../../../../../src/contract/fault.ts';
import type { Finding } from '../../../../../src/contract/import-report.ts';
import { openDatabase } from '../../../../../src/station/library/database.ts';
import { ImportTally } from '../../../../../src/station/library/import-tally.ts';
import { type Library, openLibrary } from '../../../../../src/station/library/library.ts';
import { beginImport, saveImport } from '../../../../../src/station/library/validation/import-book.ts';
import { importAnswers } from '../../../../../src/station/library/validation/import-answers.ts';
import { dicomFile, type ElementSpec, sliceElements, type SliceSpec } from '../../../../fixtures/dicom-bytes.ts';

let folder: string;
let files: string;
let library: Library;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-report-'));
  files = path.join(folder, 'files');
  mkdirSync(files);
  library = openLibrary({ folder: path.join(folder, 'home') });
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a slice of CT must have to be found whole. */
const whole: ElementSpec[] = [
  { tag: 0x00280030, value: '0.7\\0.7' },
  { tag: 0x00281052, value: '-1024' },
  { tag: 0x00281053, value: '1' },
];
const without = (elements: ElementSpec[], ...left: number[]): ElementSpec[] =>
  elements.filter(({ tag }) => !left.includes(tag));

function write(name: string, spec: SliceSpec, more: ElementSpec[] = whole, left: number[] = []): void {
  const tagged = more.map(({ tag }) => tag);
  const elements = [...without(sliceElements(spec), ...tagged, ...left), ...more].sort((a, b) => a.tag - b.tag);
  writeFileSync(path.join(files, name), dicomFile(elements));
}

function writeStack(positions: readonly number[], series = '1.2.3.1', more: ElementSpec[] = whole): void {
  for (const [index, positionMm] of positions.entries())
    write(
      `${series}-${index}.dcm`,
      { uid: `${series}.${index + 1}`, series, positionMm, instanceNumber: index + 1 },
      more,
    );
}

const importAll = (): Promise<ImportReport> =>
  library.importPaths([files], { mode: 'reference', signal: new AbortController().signal, onProgress: () => {} });

const findingsOf = (id: number): Finding[] =>
  library.imports.findings({ id, kind: null, limit: 1_000, offset: 0 }).findings;

async function foundIn(): Promise<[string, string][]> {
  const { id } = await importAll();
  return findingsOf(id).map(({ kind, what }) => [kind, what]);
}

describe('the report of an import', () => {
  it('finds nothing amiss in a whole series', async () => {
    writeStack([0, 2, 4, 6, 8]);
    expect(await foundIn()).toEqual([]);
  });

  it('lists unreadable files, strangers and contradicting copies by kind', async () => {
    writeStack([0, 2, 4, 6, 8]);
    writeFileSync(path.join(files, 'a-notes.txt'), 'These are notes and nothing else, long enough for a header.');
    writeFileSync(path.join(files, 'b-empty.dcm'), '');
    write('z-other.dcm', { uid: '1.2.3.1.2', positionMm: 2, fill: 9 });
    const report = await importAll();
    expect(report.findings).toEqual([
      { kind: 'unreadable', findings: 1, count: 1 },
      { kind: 'different-content', findings: 1, count: 1 },
      { kind: 'not-dicom', findings: 1, count: 1 },
    ]);
    expect(findingsOf(report.id).map(({ subject }) => path.basename(subject))).toEqual([
      'b-empty.dcm',
      'z-other.dcm',
      'a-notes.txt',
    ]);
  });

  it('finds what is amiss in the slices of a series, over all that the library holds of it', async () => {
    writeStack([0, 2, 4, 6, 8, 14, 16, 18]);
    expect(await foundIn()).toEqual([
      ['missing-slices', '2 slices missing: 2 between 8 mm (image 5) and 14 mm (image 6).'],
    ]);
    write('late-1.dcm', { uid: '1.2.3.1.91', positionMm: 10, instanceNumber: 91 });
    write('late-2.dcm', { uid: '1.2.3.1.92', positionMm: 12, instanceNumber: 92 });
    expect(await foundIn()).toEqual([]);
    write('twice.dcm', { uid: '1.2.3.1.93', positionMm: 12, instanceNumber: 93 });
    expect(await foundIn()).toEqual([['duplicate-slices', '1 image at a position that another holds: 12 mm.']]);
  });

  it('finds a localiser among slices, other sizes and other spacings', async () => {
    writeStack([0, 2, 4, 6, 8]);
    write('scout.dcm', { uid: '1.2.3.1.90', positionMm: 0, size: 8 }, [
      { tag: 0x00200037, value: '0\\1\\0\\0\\0\\-1' },
      { tag: 0x00280030, value: '1.5\\1.5' },
      ...whole.slice(1),
    ]);
    expect(await foundIn()).toEqual([
      ['mixed-orientations', '2 orientations in one series: 5 axial, 1 sagittal.'],
      ['mixed-image-sizes', '2 image sizes: 5 of 4×4, 1 of 8×8.'],
      ['mixed-pixel-spacings', '2 pixel spacings: 5 with 0.7×0.7 mm, 1 with 1.5×1.5 mm.'],
    ]);
  });

  it('finds a tilted gantry by its attribute', async () => {
    writeStack([0, 2, 4, 6, 8], '1.2.3.1', [...whole, { tag: 0x00181120, value: '-14' }]);
    expect(await foundIn()).toEqual([['gantry-tilt', 'All 5 slices tilted by 14°.']]);
  });

  it('finds missing attributes and patients without ID, and does not take a zero for none', async () => {
    write('a.dcm', { uid: '1.2.3.1.1', positionMm: 0, patientID: '' }, whole.slice(0, 2));
    write('b.dcm', { uid: '1.2.3.1.2', positionMm: 2, patientID: '' }, whole, [0x00280004]);
    expect(await foundIn()).toEqual([
      ['missing-patient-id', '2 files without PatientID.'],
      ['missing-attributes', 'Absent or empty: RescaleSlope (in 1 of 2), PhotometricInterpretation (in 1 of 2).'],
    ]);
  });

  it('suspects text by annotation, modality and class, and says that it is a suspicion', async () => {
    write('a.dcm', { uid: '1.2.3.1.1', positionMm: 0 }, [...whole, { tag: 0x00280301, value: 'YES' }]);
    write('b.dcm', { uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'US' }, [
      { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.6.1' },
      { tag: 0x00280301, value: 'NO' },
    ]);
    expect(await foundIn()).toEqual([
      ['burned-in-text', '1 image: BurnedInAnnotation says YES.'],
      ['burned-in-text', '1 image: BurnedInAnnotation says NO, but US images often carry text.'],
    ]);
  });

  it('tells the same suspicion about many series once, with its count', async () => {
    for (let index = 1; index <= 5; index += 1)
      write(`${index}.dcm`, { uid: `1.2.3.${index}.1`, series: `1.2.3.${index}`, modality: 'US' }, [
        { tag: 0x00080016, value: '1.2.840.10008.5.1.4.1.1.6.1' },
      ]);
    expect(await foundIn()).toEqual([
      ['burned-in-text', '5 images: BurnedInAnnotation says nothing, but US images often carry text.'],
    ]);
  });

  it('tells damaged files and compressions that cannot be decoded', async () => {
    writeStack([0, 2, 4, 6]);
    const elements = [...sliceElements({ uid: '1.2.3.1.7', positionMm: 8 }), ...whole].sort((a, b) => a.tag - b.tag);
    const cut = path.join(files, 'cut.dcm');
    writeFileSync(cut, dicomFile(elements).subarray(0, -10));
    const video = sliceElements({ uid: '1.2.3.2.1', series: '1.2.3.2', modality: 'XC', size: 4 });
    writeFileSync(path.join(files, 'video.dcm'), dicomFile(video, '1.2.840.10008.1.2.4.100'));
    const { id } = await importAll();
    const found = findingsOf(id);
    expect(found.filter(({ kind }) => kind === 'damaged').map(({ subject }) => subject)).toEqual([cut]);
    const kinds = found
      .filter(({ kind }) => kind === 'damaged' || kind === 'unsupported-transfer-syntax')
      .map(({ kind, what }) => [kind, what]);
    expect(kinds).toEqual([
      ['damaged', 'Series 1.2.3.1: the file ends inside its pixel data.'],
      ['unsupported-transfer-syntax', '1 file: transfer syntax 1.2.840.10008.1.2.4.100, which ImagiQ cannot decode.'],
    ]);
  });
});

/** A compressed slice whose fragments are so long, with their delimiter. */
function compressed(uid: string, fragments: readonly number[], positionMm: number): Buffer {
  const item = (length: number): Buffer => {
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(length, 4);
    // Bytes of a delimiter inside a fragment end nothing.
    return Buffer.concat([head, Buffer.alloc(length, Buffer.from('feffdde000000000', 'hex'))]);
  };
  const value = Buffer.concat([item(0), ...fragments.map(item), Buffer.from('feffdde000000000', 'hex')]);
  const elements = [
    ...without(sliceElements({ uid, positionMm }), 0x7fe00010, ...whole.map(({ tag }) => tag)),
    ...whole,
  ];
  return dicomFile(
    [
      ...elements.sort((a, b) => a.tag - b.tag),
      { tag: 0x7fe00010, vr: 'OB', value: new Uint8Array(value), undefinedLength: true },
    ],
    '1.2.840.10008.1.2.4.90',
  );
}

describe('pixel data whose end is looked at', () => {
  const many = Array.from({ length: 500 }, () => 32);

  it('are whole where compressed ones end with their delimiter, in whatever fragments', async () => {
    writeFileSync(path.join(files, 'one.dcm'), compressed('1.2.3.1.1', [100_000], 0));
    writeFileSync(path.join(files, 'many.dcm'), compressed('1.2.3.1.2', many, 2));
    const padding = Buffer.from('fcfffcff4f42000004000000deadbeef', 'hex');
    writeFileSync(path.join(files, 'padded.dcm'), Buffer.concat([compressed('1.2.3.1.3', many, 4), padding]));
    expect(await foundIn()).toEqual([]);
  });

  it.each([
    { cut: 40_000, where: 'inside a fragment', why: 'the file ends inside its pixel data', fragments: [100_000] },
    { cut: 8, where: 'before the delimiter', why: 'the file ends inside its pixel data', fragments: [100_000] },
    {
      cut: 20,
      where: 'inside the last of many fragments',
      why: 'the file ends inside its pixel data',
      fragments: many,
    },
  ])('are damaged where the file is cut $where', async ({ cut, why, fragments }) => {
    const file = path.join(files, 'cut.dcm');
    writeFileSync(file, compressed('1.2.3.1.1', fragments, 0).subarray(0, -cut));
    for (const mode of ['reference', 'copy'] as const) {
      const { id, imported } = await library.importPaths([files], {
        mode,
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      expect(imported).toBe(mode === 'reference' ? 1 : 0);
      expect(findingsOf(id)).toMatchObject([{ kind: 'damaged', subject: file, what: `Series 1.2.3.1: ${why}.` }]);
    }
  });

  it('are damaged where the lengths of the fragments lead astray', async () => {
    const bytes = compressed('1.2.3.1.1', [100_000, 2_000], 0);
    bytes.writeUInt32LE(90_000, bytes.length - 8 - 2_008 - 100_008 + 4);
    // Where that leads is no item.
    bytes.fill(1, bytes.length - 8 - 2_008 - 10_000, bytes.length - 8 - 2_008);
    writeFileSync(path.join(files, 'astray.dcm'), bytes);
    expect(await foundIn()).toEqual([
      ['damaged', 'Series 1.2.3.1: its pixel data hold something that is no fragment.'],
    ]);
  });

  it('are damaged where there are fewer than rows, columns and frames need', async () => {
    write('short.dcm', { uid: '1.2.3.1.1', positionMm: 0 }, [...whole, { tag: 0x7fe00010, value: new Uint8Array(30) }]);
    expect(await foundIn()).toEqual([['damaged', 'Series 1.2.3.1: it holds 30 of the 32 bytes of its pixel data.']]);
  });

  it('are not held against a number of rows, columns or frames that is no number', async () => {
    const pixels: ElementSpec = { tag: 0x7fe00010, value: new Uint8Array(32) };
    for (const [index, frames] of ['1A', '', '1e999', '-5'].entries())
      write(`${index}.dcm`, { uid: `1.2.3.1.${index}`, positionMm: index }, [
        ...whole,
        { tag: 0x00280008, value: frames },
        pixels,
      ]);
    const { id, imported } = await importAll();
    expect(imported).toBe(4);
    expect(findingsOf(id).filter(({ kind }) => kind === 'damaged' || kind === 'surplus-bytes')).toEqual([]);
  });

  it('are told with their file where bytes follow that belong to nothing', async () => {
    const elements = [...sliceElements({ uid: '1.2.3.1.1', positionMm: 0 }), ...whole].sort((a, b) => a.tag - b.tag);
    const native = dicomFile(elements);
    writeFileSync(path.join(files, 'a-zeros.dcm'), Buffer.concat([native, Buffer.alloc(100_000)]));
    writeFileSync(
      path.join(files, 'b-odd.dcm'),
      Buffer.concat([compressed('1.2.3.1.2', [9_000], 2), Buffer.from('x')]),
    );
    write('c-long.dcm', { uid: '1.2.3.1.3', positionMm: 4 }, [
      ...whole,
      { tag: 0x7fe00010, value: new Uint8Array(40) },
    ]);
    const report = dicomFile(sliceElements({ uid: '1.2.3.1.4', modality: 'SR', series: '1.2.3.9', size: 0 }));
    writeFileSync(path.join(files, 'd-report.dcm'), Buffer.concat([report, Buffer.alloc(50_000)]));
    const { id } = await importAll();
    const found = findingsOf(id).filter(({ kind }) => kind === 'surplus-bytes');
    expect(found.map(({ subject, what }) => [path.basename(subject), what])).toEqual([
      ['a-zeros.dcm', `100,000 of its ${(native.length + 100_000).toLocaleString('en')} bytes belong to nothing.`],
      [
        'b-odd.dcm',
        `1 of its ${(compressed('1.2.3.1.2', [9_000], 2).length + 1).toLocaleString('en')} bytes belong to nothing.`,
      ],
      ['c-long.dcm', `8 of its ${native.length + 8} bytes belong to nothing.`],
      ['d-report.dcm', `50,000 of its ${(report.length + 50_000).toLocaleString('en')} bytes belong to nothing.`],
    ]);
    expect(findingsOf(id).some(({ kind }) => kind === 'damaged')).toBe(false);
  });
});

describe('files that bring nothing of their own', () => {
  it('are named with the file that they are the same as, and not where the same file comes again', async () => {
    const [first, second] = ['a', 'b'].map((name) => path.join(files, name));
    mkdirSync(first!);
    mkdirSync(second!);
    write('a/1.dcm', { uid: '1.2.3.1.1', positionMm: 0 });
    write('b/1.dcm', { uid: '1.2.3.1.1', positionMm: 0 });
    const twins = async (mode: 'reference' | 'copy'): Promise<[string, string, string][]> => {
      const { id } = await library.importPaths([files], {
        mode,
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      return findingsOf(id).map(({ kind, subject, what }) => [kind, subject, what]);
    };
    const twin = [
      'duplicate-files',
      path.join(second!, '1.dcm'),
      `Byte for byte the same as ${path.join(first!, '1.dcm')}.`,
    ];
    expect(await twins('reference')).toEqual([twin]);
    expect(await twins('copy')).toEqual([twin]);
    rmSync(second!, { recursive: true });
    expect(await twins('reference')).toEqual([]);
    expect(await twins('copy')).toEqual([]);
  });

  it('are told where one is a DICOMDIR by content and not by name, which was named itself', async () => {
    const index = path.join(files, 'INDEX.BAK');
    writeFileSync(index, dicomFile([{ tag: 0x00041220, value: [] }]));
    write('1.dcm', { uid: '1.2.3.1.1', positionMm: 0 });
    const options = { mode: 'reference', signal: new AbortController().signal, onProgress: () => {} } as const;
    const { files: count, imported, refusals } = await library.importPaths([index], options);
    expect({ count, imported, refusals }).toMatchObject({
      count: 1,
      imported: 0,
      refusals: [{ path: index, reason: expect.stringContaining('A DICOMDIR under another name') }],
    });
    // Below a folder it is passed over, as before.
    expect(await library.importPaths([files], options)).toMatchObject({ files: 1, imported: 1, refused: 0 });
  });
});

describe('past imports', () => {
  it('are there while they run, and say so when they were killed', async () => {
    writeStack([0, 2, 4, 6]);
    const states: string[] = [];
    const { id } = await library.importPaths([files], {
      mode: 'reference',
      signal: new AbortController().signal,
      onProgress: () => states.push(library.imports.list({ limit: 10, offset: 0 }).imports[0]?.state ?? 'none'),
    });
    expect(states[0]).toBe('running');
    expect(findingsOf(id)).toEqual([]);
    library.close();
    const db = openDatabase(path.join(folder, 'home'));
    const killed = new ImportTally(() => {});
    killed.found = 7;
    beginImport(db, killed, { paths: [files], mode: 'copy' });
    db.close();
    library = openLibrary({ folder: path.join(folder, 'home') });
    const { imports } = library.imports.list({ limit: 10, offset: 0 });
    expect(imports.map(({ state, mode, imported }) => [state, mode, imported])).toEqual([
      ['cut-off', 'copy', 0],
      ['ended', 'reference', 4],
    ]);
  });

  it('count every file that was refused or remarked on, also of more than any list names', async () => {
    const db = openDatabase(path.join(folder, 'home'));
    const tally = new ImportTally(() => {});
    const [damaged, refused] = [120_001, 110_000];
    const record = { studyInstanceUID: '1.2', seriesInstanceUID: '1.2.1' };
    for (let file = 0; file < refused; file += 1) tally.refuse(`${file}.txt`, 'Not a DICOM file');
    tally.refuse('last.dcm', 'It breaks off in its header');
    for (let file = 0; file < damaged; file += 1)
      tally.remark({ source: `${file}.dcm`, record }, 'damaged', 'Cut off.');
    const { id } = beginImport(db, tally, { paths: [files], mode: 'copy' });
    const { findings } = await saveImport(db, id, tally, false);
    db.close();
    expect(findings).toEqual([
      { kind: 'unreadable', findings: 1, count: 1 },
      { kind: 'damaged', findings: damaged, count: damaged },
      { kind: 'not-dicom', findings: refused, count: refused },
    ]);
    const shown = library.imports.findings({ id, kind: 'damaged', limit: 1, offset: 20_000 });
    expect(shown.findings).toMatchObject([{ subject: `… and ${damaged - 20_000} more`, count: damaged - 20_000 }]);
  });

  it('are listed newest first and stay after the library is opened again', async () => {
    writeStack([0, 2, 4, 6]);
    await importAll();
    await importAll();
    library.close();
    library = openLibrary({ folder: path.join(folder, 'home') });
    const { total, imports } = library.imports.list({ limit: 10, offset: 0 });
    expect(total).toBe(2);
    expect(imports.map(({ id, imported, duplicates, paths }) => [id, imported, duplicates, paths])).toEqual([
      [2, 0, 4, [files]],
      [1, 4, 0, [files]],
    ]);
  });

  it('are exported as CSV, JSON and HTML in which a file name is no formula and no markup', async () => {
    writeFileSync(path.join(files, '=1,<b>.dcm'), '');
    const { id } = await importAll();
    const answers = importAnswers(library.imports);
    const text = async (format: 'csv' | 'json' | 'html'): Promise<string> =>
      (await answers['export-import']({ id, format, file: null })).text ?? '';
    expect(await text('csv')).toContain('problem,unreadable,');
    expect(await text('csv')).toContain('/=1,<b>.dcm",The file is empty.,1,');
    expect(JSON.parse(await text('json'))).toMatchObject({ import: { id }, findings: [{ kind: 'unreadable' }] });
    expect(await text('html')).not.toContain('<b>');
    const file = path.join(folder, 'report.csv');
    await answers['export-import']({ id, format: 'csv', file });
    expect(readFileSync(file, 'utf8')).toBe(await text('csv'));
  });

  it('that never were, and places where nothing can be written, are said to be so', async () => {
    writeStack([0]);
    const { id } = await importAll();
    const answers = importAnswers(library.imports);
    const faultOf = (act: () => unknown): number => {
      try {
        act();
        return 0;
      } catch (error) {
        return faultValueOf(error).code;
      }
    };
    expect(faultOf(() => answers['import-findings']({ id: 99, kind: null, limit: 1, offset: 0 }))).toBe(112);
    const file = path.join(folder, 'no', 'such', 'folder.csv');
    expect(faultOf(() => answers['export-import']({ id, format: 'csv', file }))).toBe(113);
  });
});
