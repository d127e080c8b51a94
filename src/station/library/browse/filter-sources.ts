// What a search asks of the index: SELECTs of study ids, each answered from one index or one table scan. A study is found
// where every one of them finds it.
import type { StudyFilter } from '../../../contract/study-filter.ts';
import { typedQuery } from '../study-words.ts';

/** Free text and filters, all of which must hold. */
export interface StudySearch {
  readonly query: string;
  readonly filters?: readonly StudyFilter[];
}

export interface FilterSource {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

interface Condition {
  readonly sql: string;
  readonly values: (string | number)[];
}

export interface SearchSurroundings {
  /** SOP Instance UIDs of the newest version of a cohort. */
  readonly cohortInstances: (name: string) => readonly string[];
  readonly now: () => Date;
  /** The different values of a column of studies. */
  readonly distinct: (column: string) => readonly string[];
}

/** Empty where the search finds every study. */
export function filterSources({ query, filters = [] }: StudySearch, surroundings: SearchSurroundings): FilterSource[] {
  const sources: FilterSource[] = [];
  const { match, uids } = typedQuery(query);
  if (match !== null) sources.push({ sql: 'SELECT rowid FROM studyText WHERE studyText MATCH ?', values: [match] });
  for (const uid of uids) {
    sources.push({
      sql: `SELECT id FROM studies WHERE studyInstanceUID >= ? AND studyInstanceUID < ?
        UNION ALL SELECT study FROM series WHERE seriesInstanceUID = ?
        UNION ALL SELECT r.study FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?`,
      // Every continuation of the digits typed so far, and nothing else: ':' follows '9'.
      values: [uid, `${uid}:`, uid, uid],
    });
  }
  // Text without a word or UID in it, for example `%`, finds nothing rather than all: a cohort may be made from it.
  if (sources.length === 0 && query.trim() !== '')
    sources.push({ sql: 'SELECT id FROM studies WHERE FALSE', values: [] });

  // Each field is read from its own index alone. Together, SQLite would take one's index and look every study up in the
  // table, or read the whole table: two to five times the work.
  for (const filter of filters) {
    const conditions = studyCondition(filter, surroundings.now());
    if (conditions !== null) sources.push(joined('SELECT id FROM studies', conditions));
  }
  const ofSeries = filters.filter(({ field }) => field in joinedColumns);
  // One filter of series: the study's own joined values tell as much, and there are few different ones.
  if (ofSeries.length === 1) sources.push(...ofSeries.flatMap((filter) => joinedValues(filter, surroundings) ?? []));
  else if (ofSeries.length > 1) sources.push(joined('SELECT study FROM series r', seriesConditions(ofSeries)));
  for (const filter of filters) sources.push(...elsewhere(filter, surroundings));
  return sources;
}

/** What a series (alias r) must fulfil, as SQL conditions. */
export function seriesConditions(filters: readonly StudyFilter[]): Condition[] {
  return filters.flatMap((filter): Condition[] => {
    switch (filter.field) {
      case 'modality':
        return [among('r.modality', filter.anyOf.map(upperCase))];
      case 'bodyPartExamined':
      case 'manufacturer':
      case 'manufacturerModelName':
        return [among(`r.${filter.field}`, filter.anyOf)];
      case 'sliceThicknessMm':
        return between('r.sliceThicknessMm', ...thicknessEnds(filter));
      default:
        return [];
    }
  });
}

const joinedColumns: Partial<Record<StudyFilter['field'], string>> = {
  modality: 'modalities',
  bodyPartExamined: 'bodyParts',
  manufacturer: 'manufacturers',
  manufacturerModelName: 'manufacturerModelNames',
  sliceThicknessMm: 'sliceThicknessesMm',
};

function joinedValues(filter: StudyFilter, { distinct }: SearchSurroundings): FilterSource | null {
  const column = joinedColumns[filter.field];
  if (column === undefined) return null;
  let holds: (value: string) => boolean;
  if (filter.field === 'sliceThicknessMm') {
    const [min, max] = thicknessEnds(filter);
    holds = (value) => value !== '' && Number(value) >= (min ?? -Infinity) && Number(value) <= (max ?? Infinity);
  } else if ('anyOf' in filter) {
    const wanted = new Set(filter.field === 'modality' ? filter.anyOf.map(upperCase) : filter.anyOf);
    holds = (value) => wanted.has(value);
  } else return null;
  const values = distinct(column).filter((joinedValue) => joinedValue.split('\\').some(holds));
  // A JSON list: there may be more of them than a statement may have parameters.
  return {
    sql: `SELECT id FROM studies WHERE ${column} IN (SELECT value FROM json_each(?))`,
    values: [JSON.stringify(values)],
  };
}

/** Wider by half of the last digit that is shown, so that 1.0000001 mm is 1 mm. */
function thicknessEnds({ min, max }: { min: number | null; max: number | null }): [number | null, number | null] {
  return [min === null ? null : min - 0.005, max === null ? null : max + 0.005];
}

function studyCondition(filter: StudyFilter, now: Date): Condition[] | null {
  switch (filter.field) {
    case 'studyDate': {
      const from = filter.lastDays === null ? filter.from : dicomDay(daysBefore(now, filter.lastDays - 1));
      // Without a date a study is in no range; a value like 2004.01 of old ACR-NEMA files sorts with its year.
      return [
        { sql: "studyDate <> ''", values: [] },
        ...(from === null ? [] : [{ sql: 'studyDate >= ?', values: [from] }]),
        ...(filter.to === null ? [] : [{ sql: 'studyDate <= ?', values: [filter.to] }]),
      ];
    }
    case 'patientSex':
      return [among('patientSex', filter.anyOf)];
    case 'patientAgeYears':
      return between('patientAgeYears', filter.min, filter.max);
    case 'description':
      return [{ sql: `description LIKE ? ESCAPE '!'`, values: [`%${filter.contains.replaceAll(/[!%_]/g, '!$&')}%`] }];
    case 'instances':
      return between('images', filter.min, filter.max);
    case 'imported': {
      const from =
        filter.lastDays === null ? dayStartMs(filter.from ?? '19700101') : minuteOf(now) - filter.lastDays * 86_400_000;
      return [{ sql: 'importedMs >= ?', values: [from] }];
    }
    default:
      return null;
  }
}

const labelled = (where: string): string =>
  `SELECT s.id FROM labels l CROSS JOIN studies s ON s.studyInstanceUID = l.uid WHERE l.level = 'study' ${where}
   UNION ALL SELECT r.study FROM labels l CROSS JOIN series r ON r.seriesInstanceUID = l.uid WHERE l.level = 'series' ${where}
   UNION ALL SELECT r.study FROM labels l CROSS JOIN instances i ON i.sopInstanceUID = l.uid JOIN series r ON r.id = i.series
     WHERE l.level = 'instance' ${where}`;

const studiesWithFindings = 'SELECT studyInstanceUID FROM importFindings WHERE studyInstanceUID IS NOT NULL';

function elsewhere(filter: StudyFilter, surroundings: SearchSurroundings): FilterSource[] {
  switch (filter.field) {
    case 'patient':
      return [
        {
          sql: 'SELECT id FROM studies WHERE patient IN (SELECT value FROM json_each(?))',
          values: [JSON.stringify(filter.patients)],
        },
      ];
    case 'transferSyntaxUID': {
      const { sql, values } = among('transferSyntaxUID', filter.anyOf);
      return [{ sql: `SELECT study FROM studyTransferSyntaxes WHERE ${sql}`, values }];
    }
    case 'labels': {
      const sql = labelled('');
      return [{ sql: filter.has ? sql : `SELECT id FROM studies WHERE id NOT IN (${sql})`, values: [] }];
    }
    case 'findings': {
      const is = filter.has ? 'IN' : 'NOT IN';
      return [{ sql: `SELECT id FROM studies WHERE studyInstanceUID ${is} (${studiesWithFindings})`, values: [] }];
    }
    case 'label': {
      const { sql, values } = among('l.label', filter.anyOf);
      return [{ sql: labelled(`AND ${sql}`), values: [...values, ...values, ...values] }];
    }
    case 'cohort':
      return [
        {
          sql: `SELECT r.study FROM json_each(?) u CROSS JOIN instances i ON i.sopInstanceUID = u.value JOIN series r ON r.id = i.series`,
          values: [JSON.stringify(surroundings.cohortInstances(filter.name))],
        },
      ];
    case 'studyInstanceUID': {
      const is = filter.isExcluded ? 'NOT IN' : 'IN';
      return [
        {
          sql: `SELECT id FROM studies WHERE studyInstanceUID ${is} (SELECT value FROM json_each(?))`,
          values: [JSON.stringify(filter.anyOf)],
        },
      ];
    }
    default:
      return [];
  }
}

function joined(select: string, conditions: readonly Condition[]): FilterSource {
  return {
    sql: `${select} WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`,
    values: conditions.flatMap(({ values }) => values),
  };
}

function among(column: string, values: readonly string[]): Condition {
  return { sql: `${column} IN (${values.map(() => '?').join(', ')})`, values: [...values] };
}

function between(column: string, min: number | null, max: number | null): Condition[] {
  return [
    { sql: `${column} IS NOT NULL`, values: [] },
    ...(min === null ? [] : [{ sql: `${column} >= ?`, values: [min] }]),
    ...(max === null ? [] : [{ sql: `${column} <= ?`, values: [max] }]),
  ];
}

/** Defined terms of Modality (PS3.3 C.7.3.1.1.1) are upper case. */
function upperCase(text: string): string {
  return text.trim().toUpperCase();
}

/** Whole minutes, so that the same question within one is the same. */
function minuteOf(now: Date): number {
  return Math.floor(now.getTime() / 60_000) * 60_000;
}

function daysBefore(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days);
}

/** YYYYMMDD in this machine's zone, as scanners write it. */
function dicomDay(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

function dayStartMs(day: string): number {
  return new Date(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6))).getTime();
}
