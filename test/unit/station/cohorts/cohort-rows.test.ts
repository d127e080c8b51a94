// What a cohort is made of, row for row: the digests were taken when all of a cohort was still made in memory.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Overlay } from '../../../../src/contract/annotation.ts';
import type { CohortProgress, LabelOrigin } from '../../../../src/contract/cohort.ts';
import type {
  LibraryForCohorts,
  SelectedInstance,
  StoredLabel,
} from '../../../../src/station/cohorts/cohort-library.ts';
import type { CohortRequest } from '../../../../src/station/cohorts/cohort-draft.ts';
import { type Cohorts, openCohorts } from '../../../../src/station/cohorts/cohorts.ts';
import { libraryFaults } from '../../../../src/station/library/faults.ts';
import { openDraftTable } from '../../../../src/station/cohorts/draft-table.ts';

const digests: Readonly<Record<string, string>> = {
  'uid, first': '76dbd1617e59d7f2',
  'file, first': '800698ffa707c0a3',
  'study, first': '407d0ef3bc66573f',
  'patient, first': 'b795ce5dbaa7f864',
  'stored, first': 'b28c79f861188bd9',
  'report, first': '99a031d6c2463b39',
  'joined, first': 'b2633b594aefa9bb',
  'columns, first': '1a4ea13a451cb416',
  'masks, first': 'bc6765a2172c39c0',
  'columns, later': '4b8345c3300cc575',
  'file, later': '7aaf81b60c2fca91',
  'joined, later': '262808274f19f599',
  'masks, later': '3d759a4b7caa0977',
  'patient, later': 'ca8336628f71d461',
  'report, later': 'ac3aa3a959fdd5fe',
  'stored, later': 'cc80f5ce0bcb035e',
  'study, later': '923b65cd0cec4944',
  'uid, later': 'bdee7772173ca2e2',
  'stored, again': 'cc80f5ce0bcb035e',
};

const images = 420;
const uid = (number: number): string => `1.2.${String(number).padStart(4, '0')}`;
/** Four images to a patient but for a few; some without PatientID, where each study is a patient of its own. */
const instances = Array.from({ length: images }, (_, number): SelectedInstance => {
  const patient = number % 29 === 0 ? number : Math.floor(number / 4);
  const study = Math.floor(number / 3);
  const isNameless = study % 17 === 5;
  return {
    sopInstanceUID: uid(number),
    studyInstanceUID: `3.${study}`,
    seriesInstanceUID: `4.${Math.floor(number / 2)}`,
    patientID: isNameless ? '' : `P${patient}`,
    patientKey: isNameless ? `study 3.${study}` : `patient P${patient}`,
    path: number % 5 === 0 ? `D:\\archive\\${study}\\image ${number % 50}.dcm` : `/archive/${study}/${number}.dcm`,
    modality: number % 41 === 0 ? 'SEG' : number % 3 === 0 ? 'MR' : 'CT',
    frames: number % 13 === 0 ? 3 : 1,
    position: number % 7 === 0 ? null : number,
  };
});

const findings = ['normal', 'nodule', 'effusion'];
const findingOf = (number: number): string => findings[((number * number) % 7) % 3]!;
const stored: Readonly<Partial<Record<LabelOrigin, readonly StoredLabel[]>>> = {
  import: [
    ...instances
      .filter((_, at) => at % 9 === 0)
      .map((one, at): StoredLabel => ({ level: 'instance', uid: one.sopInstanceUID, label: findingOf(at) })),
    ...Array.from({ length: 80 }, (_, at): StoredLabel => ({
      level: 'series',
      uid: `4.${at}`,
      label: findingOf(at + 1),
    })),
    ...Array.from({ length: 90 }, (_, at): StoredLabel => ({
      level: 'study',
      uid: `3.${at + 30}`,
      label: findingOf(at + 2),
    })),
  ],
  SR: Array.from({ length: 140 }, (_, at): StoredLabel => ({
    level: 'study',
    uid: `3.${at}`,
    label: at % 4 === 0 ? 'nodule + effusion' : findingOf(at),
  })),
};

const overlaysOf = (series: string): Overlay[] => {
  const number = Number(series.slice(2));
  const regions = [
    { number: 1, label: number % 4 === 0 ? '' : 'liver', color: [0, 0, 0] as [number, number, number] },
    { number: 2, label: 'Background', color: [0, 0, 0] as [number, number, number] },
    { number: 3, label: ' spleen ', color: [0, 0, 0] as [number, number, number] },
  ];
  const overlay = (name: string, isPredicted = false): Overlay =>
    ({
      sopInstanceUID: `9.${number}.${name}`,
      kind: 'SEG',
      description: '',
      regions,
      isPredicted,
    }) as unknown as Overlay;
  if (number % 3 === 0) return [];
  return number % 5 === 0 ? [overlay('1'), overlay('2'), overlay('3', true)] : [overlay('1')];
};

/** As long as a slow disk may take. */
function busy(): void {
  for (const since = performance.now(); performance.now() - since < 1;);
}

/** What was removed from the library, by how many removals; and whether one is under way. */
const removed = { instances: new Set<string>(), times: 0, isUnderWay: false };

const library: LibraryForCohorts = {
  removals() {
    if (removed.isUnderWay) throw libraryFaults.removalRunning();
    return removed.times;
  },
  *selectInstances({ query, studyInstanceUIDs }) {
    for (const one of instances) {
      if (query === 'slow') busy();
      if (removed.instances.has(one.sopInstanceUID)) continue;
      if (studyInstanceUIDs === null || studyInstanceUIDs.includes(one.studyInstanceUID)) yield one;
    }
  },
  labels: {
    count: (origin) => stored[origin]?.length ?? 0,
    each: (origin, level) => (stored[origin] ?? []).filter((one) => one.level === level),
  },
  instanceFile: () => null,
  stack: () => [],
  annotations: {
    overlays: (series) => Promise.resolve(overlaysOf(series)),
    overlayShapes: ({ overlayInstanceUID, sopInstanceUID, frame }) => {
      const number = Number(sopInstanceUID.slice(4));
      if (number % 97 === 1) return Promise.reject(new Error('it does not fit'));
      const regions = [1, 2, 3].filter((region) => (number + region * frame + overlayInstanceUID.length) % 3 === 0);
      return Promise.resolve({ shapes: regions.map((region) => ({ region })) } as never);
    },
  },
};

let folder: string;
let cohorts: Cohorts;
beforeEach(() => {
  removed.instances.clear();
  removed.isUnderWay = false;
  folder = mkdtempSync(path.join(tmpdir(), 'imagiq-cohort-rows-'));
  cohorts = openCohorts({ folder, library, pseudonymKey: new Uint8Array(32).fill(9), now: () => new Date(0) });
});
afterEach(() => {
  cohorts.close();
  rmSync(folder, { recursive: true });
});

const request = (name: string, more: Partial<CohortRequest> = {}): CohortRequest => ({
  name,
  query: '',
  studyInstanceUIDs: null,
  labelsFile: null,
  labelColumn: null,
  ...more,
});

function csv(name: string, head: string, rows: readonly string[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, [head, ...rows].join('\r\n'));
  return file;
}

/** Over the summaries and rows of all versions, in the order in which they were written. */
function digestOf(name: string): string {
  const db = new Database(path.join(folder, 'cohorts.sqlite'), { readonly: true });
  const hash = createHash('sha256');
  for (const row of db.prepare('SELECT * FROM cohort WHERE name = ? ORDER BY version').iterate(name))
    hash.update(JSON.stringify(row));
  for (const row of db.prepare('SELECT * FROM cohort_item WHERE name = ? ORDER BY version, position').iterate(name))
    hash.update(JSON.stringify(row));
  db.close();
  return hash.digest('hex').slice(0, 16);
}

const drafts = (): string[] => readdirSync(folder).filter((name) => name.startsWith('cohort-draft-'));

/** Its images and labels come slowly. */
const slow = (name: string): CohortRequest => request(name, { query: 'slow' });

/** Lets `act` come between while the version is written. */
async function whileKept(name: string, act: () => unknown): Promise<void> {
  let isDone = false;
  await cohorts.create(slow(name), {
    onProgress({ stage, done }) {
      if (isDone || stage !== 'keep' || done === 0) return;
      isDone = true;
      act();
    },
  });
  expect(isDone).toBe(true);
}

const numbers = Array.from({ length: images }, (_, number) => number);
const names = (number: number): string[] => findings.filter((_, at) => (number >> at) % 3 === 0);

/** How each cohort is made. */
const makes: Readonly<Record<string, () => Promise<unknown>>> = {
  // By SOP Instance UID, with rows that are empty, repeated, of other images and in contradiction.
  uid() {
    const rows = numbers.flatMap((number) => {
      const row = `${uid(number)},${findingOf(number)}`;
      if (number % 31 === 0) return [row, `${uid(number)},other`];
      if (number % 23 === 0) return [row, row];
      return number % 19 === 0 ? [`${uid(number)},`] : number % 37 === 0 ? [`9.${number},nodule`] : [row];
    });
    return cohorts.create(request('uid', { labelsFile: csv('uid.csv', 'sopInstanceUID,label', rows) }));
  },
  // By file, in paths of two systems, of which some end alike.
  file() {
    const rows = instances.map(({ path: file }, number) => {
      const plain = file.replaceAll('\\', '/');
      const name =
        number % 2 === 0
          ? file
          : plain
              .split('/')
              .slice(number % 3 === 0 ? -1 : -2)
              .join('/');
      return `"${name}";${findingOf(number)}`;
    });
    return cohorts.create(request('file', { labelsFile: csv('file.csv', 'file;label', rows) }));
  },
  // By study, in two versions of which the second has other studies.
  async study() {
    const ofStudies = Array.from({ length: 130 }, (_, study) => `3.${study}\t${findingOf(study)}`);
    const labelsFile = csv('study.tsv', 'StudyInstanceUID\tgrade', ofStudies);
    const studyInstanceUIDs = Array.from({ length: 60 }, (_, study) => `3.${study * 2}`);
    await cohorts.create(request('study', { labelsFile, labelColumn: 'grade', studyInstanceUIDs }));
    await cohorts.create(request('study', { labelsFile, labelColumn: 'grade' }));
  },
  patient() {
    const ofPatients = numbers.map((patient) => `P${patient},${findingOf(patient)}`);
    return cohorts.create(request('patient', { labelsFile: csv('patient.csv', 'patientID,label', ofPatients) }));
  },
  // By stored labels of instances, series and studies.
  stored: () => cohorts.create(request('stored')),
  report: () => cohorts.create(request('report', { labelsFrom: 'SR', task: 'multi-label' })),
  // Of several labels, joined and in columns.
  joined() {
    const joined = numbers.map((number) => `${uid(number)},${names(number).reverse().join('|') || '|'}`);
    const labelsFile = csv('joined.csv', 'sopInstanceUID,label', joined);
    return cohorts.create(request('joined', { task: 'multi-label', labelsFile }));
  },
  columns() {
    const flags = numbers.map((number) =>
      [
        uid(number),
        ...findings.map((one) => (number % 11 === 0 ? '' : Number(names(number).includes(one)))),
        number,
      ].join(','),
    );
    const labelsFile = csv('columns.csv', ['sopInstanceUID', ...findings, 'age'].join(','), flags);
    return cohorts.create(request('columns', { task: 'multi-label', labelsFile }));
  },
  // Of slices with masks.
  masks: () => cohorts.create(request('masks', { task: 'segmentation' })),
};

test.each(Object.keys(makes))('%s: row for row as ever', async (name) => {
  await makes[name]?.();
  expect(digestOf(name)).toBe(digests[`${name}, first`]);
});

test('without a patient that is forgotten, and never with it again', async () => {
  for (const make of Object.values(makes)) await make();
  const made = Object.keys(makes).sort();
  expect(cohorts.forgetPatient('patient P20').sort()).toEqual(made);
  for (const name of made) expect([name, digestOf(name)]).toEqual([name, digests[`${name}, later`]]);
  await cohorts.create(request('stored'));
  expect(digestOf('stored')).toBe(digests['stored, again']);
});

test('other work comes between while one is made, and hears how far it is', async () => {
  const told: CohortProgress[] = [];
  let turns = 0;
  const timer = setInterval(() => (turns += 1));
  await cohorts.create(slow('told'), { onProgress: (progress) => told.push(progress) });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
  expect([...new Set(told.map(({ stage }) => stage))]).toEqual(['choose', 'label', 'divide', 'keep']);
  const last = (stage: CohortProgress['stage']): CohortProgress | undefined =>
    told.findLast((progress) => progress.stage === stage);
  expect(last('keep')).toEqual({
    stage: 'keep',
    done: cohorts.show('told').instances,
    total: cohorts.show('told').instances,
  });
});

test('one that is cancelled in any stage leaves nothing', async () => {
  for (const stage of ['choose', 'label', 'divide', 'keep'] as const) {
    const stop = new AbortController();
    const onProgress = (progress: CohortProgress): void => void (progress.stage === stage && stop.abort());
    await expect(cohorts.create(slow('never'), { signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 228,
    });
    expect(() => cohorts.show('never')).toThrow('never');
    expect(drafts()).toEqual([]);
  }
});

test('a patient who is forgotten while one is kept is not in it', async () => {
  const key = instances[100]!.patientKey;
  const theirs = instances.filter(({ patientKey }) => patientKey === key).map(({ sopInstanceUID }) => sopInstanceUID);
  await whileKept('meanwhile', () => cohorts.forgetPatient(key));
  expect(cohorts.sopInstanceUIDs('meanwhile')).not.toHaveLength(0);
  expect(cohorts.sopInstanceUIDs('meanwhile').filter((one) => theirs.includes(one))).toEqual([]);
});

test('what is removed while another one is kept does not wait for it', async () => {
  await cohorts.create(request('meanwhile'));
  await whileKept('stays', () => cohorts.delete('meanwhile'));
  expect(cohorts.list().map(({ name }) => name)).not.toContain('meanwhile');
  expect(cohorts.show('stays').version).toBe(1);
});

test('images that are removed while one is kept are not in it', async () => {
  const gone = instances[200]!.sopInstanceUID;
  await whileKept('smaller', () => {
    removed.instances.add(gone);
    removed.times += 1;
  });
  const kept = cohorts.sopInstanceUIDs('smaller');
  removed.instances.clear();
  await cohorts.create(request('whole'));
  expect(cohorts.sopInstanceUIDs('whole')).toContain(gone);
  expect(cohorts.sopInstanceUIDs('whole').filter((one) => !kept.includes(one))).toEqual([gone]);
});

test('none is made while images are being removed, nor kept when that begins meanwhile', async () => {
  removed.isUnderWay = true;
  await expect(cohorts.create(request('never'))).rejects.toMatchObject({ code: 116 });
  removed.isUnderWay = false;
  await expect(whileKept('never', () => (removed.isUnderWay = true))).rejects.toMatchObject({ code: 116 });
  removed.isUnderWay = false;
  expect(() => cohorts.show('never')).toThrow('never');
  expect(drafts()).toEqual([]);
});

test('two of one name that are made at once are two versions with the same patients in test', async () => {
  const studyInstanceUIDs = Array.from({ length: 60 }, (_, study) => `3.${study * 2}`);
  const [first, second] = await Promise.all([
    cohorts.create(slow('twice')),
    cohorts.create(request('twice', { studyInstanceUIDs })),
  ]);
  expect([first.version, second.version].sort((a, b) => a - b)).toEqual([1, 2]);
  const testOf = new Map<string, Set<string>>();
  const db = new Database(path.join(folder, 'cohorts.sqlite'), { readonly: true });
  for (const row of db.prepare("SELECT patient, split FROM cohort_item WHERE name = 'twice'").iterate()) {
    const { patient, split } = row as { patient: string; split: number };
    testOf.set(patient, (testOf.get(patient) ?? new Set()).add(String(split)));
  }
  db.close();
  expect([...testOf.values()].every((splits) => splits.size === 1)).toBe(true);
});

test('no draft is left behind, not even by a process that was killed while it made one', () => {
  expect(drafts()).toEqual([]);
  openDraftTable(folder);
  expect(drafts()).toHaveLength(1);
  openCohorts({ folder, library, pseudonymKey: new Uint8Array(32) }).close();
  expect(drafts()).toEqual([]);
});
