// Filters, sorted lists, patients, distributions and kept searches over a made-up library: every answer is checked
// against the same question asked of the studies one by one.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLargeLibrary, writeMore } from '../../../../scripts/bench/large-library.ts';
import type { StudySearchState } from '../../../../src/contract/browse.ts';
import { type Study, studyQuerySchema, studySortKeys } from '../../../../src/contract/dicom.ts';
import { type StudyFilterInput, studyFiltersSchema } from '../../../../src/contract/study-filter.ts';
import { type Library, openLibrary } from '../../../../src/station/library/library.ts';

const count = 400;
let folder: string;
let library: Library;
let all: Study[];
const cohort = ['1.2.826.0.1.7.5.0.0', '1.2.826.0.1.7.9.0.0', 'no such image'];
let changing: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagiq-browse-'));
  writeLargeLibrary(folder, count);
  library = openLibrary({ folder, cohortInstances: (name) => ({ chest: cohort, changing })[name] ?? [] });
  all = library.studies(studyQuerySchema.parse({ limit: 10_000 })).studies;
  library.labels.save('import', [
    { level: 'study', uid: all[3]!.studyInstanceUID, label: 'nodule' },
    { level: 'series', uid: all[4]!.series[0]!.seriesInstanceUID, label: 'nodule' },
    { level: 'instance', uid: '1.2.826.0.1.7.5.0.0', label: 'normal' },
  ]);
});

afterAll(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const uids = (studies: readonly Study[]): string[] => studies.map((study) => study.studyInstanceUID).sort();
const found = (filters: StudyFilterInput[], query = ''): string[] =>
  uids(library.studies(studyQuerySchema.parse({ query, filters, limit: 10_000 })).studies);
const anySeries = (holds: (series: Study['series'][number]) => boolean): string[] =>
  uids(all.filter((study) => study.series.some(holds)));
const parsed = (filters: StudyFilterInput[]) => studyFiltersSchema.parse(filters);

describe('filters', () => {
  it('find the studies that one by one fulfil them', () => {
    expect(found([{ field: 'modality', anyOf: ['ct', 'MR'] }])).toEqual(
      anySeries(({ modality }) => modality === 'CT' || modality === 'MR'),
    );
    expect(found([{ field: 'studyDate', from: '20150101', to: '20181231' }])).toEqual(
      uids(all.filter(({ studyDate }) => studyDate >= '20150101' && studyDate <= '20181231')),
    );
    expect(found([{ field: 'patientSex', anyOf: [''] }])).toEqual(
      uids(all.filter(({ patientSex }) => patientSex === '')),
    );
    expect(found([{ field: 'patientAgeYears', min: 40, max: 60 }])).toEqual(
      uids(all.filter(({ patientAgeYears: age }) => age !== null && age >= 40 && age <= 60)),
    );
    expect(found([{ field: 'sliceThicknessMm', max: 1 }])).toEqual(
      anySeries(({ sliceThicknessMm }) => sliceThicknessMm !== null && sliceThicknessMm <= 1),
    );
    expect(found([{ field: 'description', contains: 'THORAX' }])).toEqual(
      uids(all.filter(({ description }) => description.includes('thorax'))),
    );
    expect(found([{ field: 'description', contains: '%' }])).toEqual([]);
    expect(found([{ field: 'instances', min: 11 }])).toEqual([]);
    expect(found([{ field: 'imported', lastDays: 1 }])).toHaveLength(count);
  });

  it('of series must be fulfilled by one and the same series, and hold beside words', () => {
    const filters: StudyFilterInput[] = [
      { field: 'manufacturer', anyOf: ['SIEMENS', 'Philips'] },
      { field: 'bodyPartExamined', anyOf: ['CHEST'] },
      { field: 'sliceThicknessMm', min: 1, max: 2 },
    ];
    const expected = all.filter((study) =>
      study.series.some(
        ({ manufacturer, bodyPartExamined, sliceThicknessMm: mm }) =>
          /SIEMENS|Philips/.test(manufacturer) && bodyPartExamined === 'CHEST' && mm !== null && mm >= 1 && mm <= 2,
      ),
    );
    expect(expected.length).toBeGreaterThan(3);
    expect(found(filters)).toEqual(uids(expected));
    expect(found(filters, 'anna')).toEqual(uids(expected.filter(({ patientName }) => patientName.includes('Anna'))));
  });

  it('know labels at every level, cohorts, patients, and studies chosen or left out', () => {
    const [third, fourth] = [all[3]!.studyInstanceUID, all[4]!.studyInstanceUID];
    expect(found([{ field: 'label', anyOf: ['nodule'] }])).toEqual([third, fourth].sort());
    const labelled = found([{ field: 'labels', has: true }]);
    expect(labelled).toHaveLength(3);
    expect(found([{ field: 'labels', has: false }])).toHaveLength(count - 3);
    expect(found([{ field: 'cohort', name: 'chest' }])).toHaveLength(2);
    expect(found([{ field: 'cohort', name: 'unknown' }])).toEqual([]);
    expect(found([{ field: 'studyInstanceUID', anyOf: [third] }])).toEqual([third]);
    expect(found([{ field: 'studyInstanceUID', anyOf: [third], isExcluded: true }])).toHaveLength(count - 1);
  });

  it('select for a cohort only the series that fulfil them', () => {
    const filters = parsed([
      { field: 'modality', anyOf: ['CT'] },
      { field: 'sliceThicknessMm', max: 1 },
    ]);
    const selected = [...library.selectInstances({ query: '', filters, studyInstanceUIDs: null })];
    const series = new Set(
      all.flatMap((study) =>
        study.series
          .filter(({ modality, sliceThicknessMm: mm }) => modality === 'CT' && mm !== null && mm <= 1)
          .map(({ seriesInstanceUID }) => seriesInstanceUID),
      ),
    );
    expect(series.size).toBeGreaterThan(3);
    expect(new Set(selected.map(({ seriesInstanceUID }) => seriesInstanceUID))).toEqual(series);
  });
});

describe('lists', () => {
  it('by slice thickness begin with the thinnest, as numbers', () => {
    const thinnest = library
      .studies(studyQuerySchema.parse({ sortBy: 'sliceThicknessesMm', descending: false, limit: 10_000 }))
      .studies.map(({ series }) => Math.min(...series.flatMap(({ sliceThicknessMm: mm }) => mm ?? [])))
      .filter((mm) => mm !== Number.POSITIVE_INFINITY);
    expect(thinnest.length).toBeGreaterThan(100);
    expect(thinnest).toEqual(thinnest.toSorted((a, b) => a - b));
  });

  it.each(studySortKeys)('by %s page through every study once, the same way back', (sortBy) => {
    const page = (descending: boolean, offset: number): Study[] =>
      library.studies(studyQuerySchema.parse({ sortBy, descending, offset, limit: 150, filters: [] })).studies;
    const forth = [...page(false, 0), ...page(false, 150), ...page(false, 300)].map((study) => study.studyInstanceUID);
    const back = [...page(true, 0), ...page(true, 150), ...page(true, 300)].map((study) => study.studyInstanceUID);
    expect(new Set(forth).size).toBe(count);
    expect(back).toEqual(forth.toReversed());
  });

  it('show a study that came through another connection at once', () => {
    const own = mkdtempSync(path.join(os.tmpdir(), 'imagiq-browse-'));
    writeLargeLibrary(own, 5);
    const growing = openLibrary({ folder: own });
    expect(growing.studies(studyQuerySchema.parse({ query: '1.2.826' })).total).toBe(5);
    writeMore(own);
    expect(growing.studies(studyQuerySchema.parse({ query: '1.2.826' })).total).toBe(6);
    growing.close();
    rmSync(own, { recursive: true, force: true });
  });
});

describe('patients', () => {
  it('of a cohort are those of its newest version, although the index did not change', () => {
    const query = studyQuerySchema.parse({ filters: parsed([{ field: 'cohort', name: 'changing' }]) });
    expect(library.browse.patients(query).total).toBe(0);
    changing = [cohort[0]!];
    const { total, patients } = library.browse.patients(query);
    expect([total, patients.map(({ studies }) => studies)]).toEqual([1, [1]]);
  });

  it('come in the order of their first study, with what the search finds of them', () => {
    const filters = parsed([{ field: 'modality', anyOf: ['CT'] }]);
    const query = studyQuerySchema.parse({ filters, sortBy: 'patientName', descending: false, limit: 10_000 });
    const { studies } = library.studies(query);
    const { total, patients } = library.browse.patients(query);
    expect(patients.map(({ patientID }) => patientID)).toEqual([...new Set(studies.map((study) => study.patientID))]);
    expect(total).toBe(patients.length);
    expect(patients.reduce((sum, patient) => sum + patient.studies, 0)).toBe(studies.length);
    const [first] = patients;
    expect(found([...filters, { field: 'patient', patients: [first!.patient] }])).toHaveLength(first!.studies);
  });
});

describe('distributions', () => {
  const selections: [string, StudyFilterInput[]][] = [
    ['the whole library', []],
    ['a search', [{ field: 'patientAgeYears', min: 30, max: 70 }]],
  ];
  it.each(selections)('of %s: each bar counts what its filter finds', (_name, filters) => {
    const { distributions, studies } = library.browse.distributions({ query: '', filters: parsed(filters) });
    expect(studies).toBe(found(filters).length);
    let checked = 0;
    for (const { bars } of distributions)
      for (const bar of bars) {
        if (bar.filter === null) continue;
        expect({ label: bar.label, studies: found([...filters, bar.filter]).length }).toEqual({
          label: bar.label,
          studies: bar.studies,
        });
        checked += 1;
      }
    expect(checked).toBeGreaterThan(40);
  });

  it('count patients, series, instances and bytes', () => {
    const { patients, series, instances, fileBytes } = library.browse.distributions({ query: '' });
    expect(patients).toBe(new Set(all.map(({ patientID }) => patientID)).size);
    expect(series).toBe(all.reduce((sum, study) => sum + study.series.length, 0));
    expect(instances).toBe(count * 10);
    expect(fileBytes).toBeGreaterThan(count * 10 * 300_000);
  });
});

describe('saved searches', () => {
  const search: StudySearchState = {
    query: 'chest',
    filters: parsed([{ field: 'modality', anyOf: ['CT'] }]),
    sortBy: 'patientName',
    descending: false,
  };

  it('are kept as they were, renamed and deleted', () => {
    const { searches } = library.browse;
    searches.save({ name: 'Chest CT', ...search });
    searches.save({ name: 'Brain', ...search });
    expect(searches.all().find(({ name }) => name === 'Chest CT')).toEqual({ name: 'Chest CT', ...search });
    expect(() => searches.rename('Brain', 'chest ct')).toThrow(/Another saved search/);
    searches.rename('Brain', 'Head');
    searches.delete('Head');
    expect(() => searches.delete('Head')).toThrow(/no saved search/);
    expect(searches.all().map(({ name }) => name)).toEqual(['Chest CT']);
  });
});
