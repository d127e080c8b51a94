// Sorted lists of study ids, kept in memory: a search is a set of ids, a sort order is the ids in order, and a list is
// the one walked in the order of the other. So the last page of 100,000 studies costs what the first does, and a
// scroll through a search asks the index once. About 400 kB a list; all are forgotten when the index changes.
import type { StudyQuery } from '../../../contract/dicom.ts';
import type { Db } from '../database.ts';
import { filterSources, type StudySearch } from './filter-sources.ts';
import { packedIds } from './packed-numbers.ts';

export const sortColumns: Record<StudyQuery['sortBy'], string> = {
  studyDate: 'studyDate',
  patientName: 'patientName COLLATE NOCASE',
  patientID: 'patientID COLLATE NOCASE',
  patientBirthDate: 'patientBirthDate',
  patientSex: 'patientSex',
  patientAgeYears: 'patientAgeYears',
  studyTime: 'studyTime',
  institutionName: 'institutionName COLLATE NOCASE',
  description: 'description COLLATE NOCASE',
  accessionNumber: 'accessionNumber COLLATE NOCASE',
  modalities: 'modalities',
  bodyParts: 'bodyParts',
  manufacturers: 'manufacturers',
  manufacturerModelNames: 'manufacturerModelNames',
  // The thinnest: they are joined in order, and a number is read up to the first that is none.
  sliceThicknessesMm: 'CAST(sliceThicknessesMm AS REAL)',
  series: 'series',
  instances: 'images',
  importedMs: 'importedMs',
};

/** A set of studies: `marks[id] === 1` for its members. */
export interface StudySet {
  readonly marks: Uint8Array;
  readonly size: number;
}

export interface SortedSearch extends StudySearch {
  readonly sortBy: StudyQuery['sortBy'];
}

export interface StudyLists {
  /** Null where the search finds every study. */
  found(search: StudySearch): StudySet | null;
  /** Ids that the search finds, ascending by column, then by id. */
  list(search: SortedSearch): Uint32Array;
  /** All ids, ascending by a column of studies. */
  order(column: string): Uint32Array;
  /** What a search asks of the index, as text: the same for the same studies until the index changes. */
  key(search: StudySearch): string;
  /** Keeps what `make` returns until the index changes. */
  kept<Value>(key: string, make: () => Value): Value;
}

/** As many lists are kept as a person may go back and forth between. */
const maxKept = 40;

export interface ListSurroundings {
  /** SOP Instance UIDs of the newest version of a cohort. */
  readonly cohortInstances: (name: string) => readonly string[];
  readonly now: () => Date;
}

export function studyLists(db: Db, given: ListSurroundings): StudyLists {
  const changes = db.prepare<[], number>('SELECT total_changes()').pluck();
  const maxId = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM studies').pluck();
  let keptAt = '';
  let kept = new Map<string, unknown>();

  function keep<Value>(key: string, make: () => Value): Value {
    // Of this connection and of others; a cohort's filter changes with the cohort, whose instances are in its key.
    const now = `${changes.get()} ${String(db.pragma('data_version', { simple: true }))}`;
    if (now !== keptAt) {
      keptAt = now;
      kept = new Map();
    }
    const held = kept.get(key);
    if (held !== undefined) {
      kept.delete(key);
      kept.set(key, held);
      return held as Value;
    }
    const made = make();
    kept.set(key, made);
    if (kept.size > maxKept) {
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        break;
      }
    }
    return made;
  }

  const surroundings = {
    ...given,
    distinct: (column: string): string[] =>
      keep(`distinct ${column}`, () => db.prepare<[], string>(`SELECT DISTINCT ${column} FROM studies`).pluck().all()),
  };

  function found(search: StudySearch): StudySet | null {
    const sources = filterSources(search, surroundings);
    if (sources.length === 0) return null;
    return keep(`set ${JSON.stringify(sources)}`, () => {
      const marks = new Uint8Array(maxId.get()! + 1);
      let size = 0;
      for (const [position, { sql, values }] of sources.entries()) {
        size = 0;
        for (const id of packedIds(db, sql, values)) {
          // Found by all sources before, and not yet by this one.
          if (marks[id] !== position) continue;
          marks[id] = position + 1;
          size += 1;
        }
        if (size === 0) break;
      }
      const last = sources.length;
      if (size === 0) marks.fill(0);
      else if (last > 1) for (let id = 0; id < marks.length; id += 1) marks[id] = marks[id] === last ? 1 : 0;
      return { marks, size };
    });
  }

  const order = (column: string): Uint32Array =>
    keep(`order ${column}`, () => packedIds(db, `SELECT id FROM studies ORDER BY ${column}, id`, []));

  return {
    found,
    order,
    kept: keep,
    key: (search) => JSON.stringify(filterSources(search, surroundings)),
    list({ sortBy, ...search }) {
      const set = found(search);
      const column = sortColumns[sortBy];
      if (set === null) return order(column);
      return keep(`list ${sortBy} ${JSON.stringify(filterSources(search, surroundings))}`, () => {
        if (set.size <= fewMatches) return sortedFew(set, column);
        const list = new Uint32Array(set.size);
        let length = 0;
        for (const id of order(column)) {
          if (set.marks[id] !== 1) continue;
          list[length] = id;
          length += 1;
        }
        return list;
      });
    },
  };

  /** Few are sorted by SQLite rather than found in the order of all, which may have to be read first. */
  function sortedFew(set: StudySet, column: string): Uint32Array {
    const ids = JSON.stringify(idsOf(set));
    return packedIds(
      db,
      `SELECT id FROM studies WHERE id IN (SELECT value FROM json_each(?)) ORDER BY +${column}, id`,
      [ids],
    );
  }
}

const fewMatches = 2_000;

/** The members, ascending. */
export function idsOf({ marks, size }: StudySet): number[] {
  const ids: number[] = [];
  for (let id = marks.indexOf(1); id !== -1 && ids.length < size; id = marks.indexOf(1, id + 1)) ids.push(id);
  return ids;
}
