// Reads studies, series and instances for lists. Everything here answers from indexes: a page of 100 from 100,000
// studies, or a keystroke in the search field, is a matter of milliseconds.
import type { Instance, Series, Study, StudyPage, StudyQuery } from '../../contract/dicom.ts';
import type { Db } from './database.ts';
import { typedQuery } from './study-words.ts';

interface StudyRow extends Omit<Study, 'modalities' | 'series'> {
  id: number;
  modalities: string;
}

interface SeriesRow extends Series {
  study: number;
}

interface InstanceRow extends Instance {
  position: number | null;
  normal: string;
}

const sortColumns: Record<StudyQuery['sortBy'], string> = {
  studyDate: 's.studyDate',
  patientName: 's.patientName COLLATE NOCASE',
  patientID: 's.patientID COLLATE NOCASE',
  description: 's.description COLLATE NOCASE',
  modalities: 's.modalities',
  instances: 's.instances',
};

const studyColumns = `s.id, s.studyInstanceUID, s.patientID, s.patientName, s.patientBirthDate, s.patientSex, s.patientAgeYears, s.studyDate,
  s.description, s.accessionNumber, s.modalities, s.instances`;

const seriesColumns = `seriesInstanceUID, modality, description, seriesNumber, bodyPartExamined, manufacturer,
  manufacturerModelName, sliceThicknessMm`;

/** Below this many matches, sorting them is quicker than walking the sort order's index until a page is full. */
const fewMatches = 3_000;

/** A SELECT of the ids of the studies that a query finds, null where it finds all; and its parameters. */
export function foundStudies(query: Pick<StudyQuery, 'query' | 'modality'>): { ids: string | null; values: string[] } {
  const { match, uids } = typedQuery(query.query);
  const sources: string[] = [];
  const values: string[] = [];
  if (match !== null) {
    sources.push('SELECT rowid FROM studyText WHERE studyText MATCH ?');
    values.push(match);
  }
  for (const uid of uids) {
    sources.push(`SELECT id FROM studies WHERE studyInstanceUID >= ? AND studyInstanceUID < ?
      OR id IN (SELECT study FROM series WHERE seriesInstanceUID = ?)
      OR id IN (SELECT r.study FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?)`);
    // Every continuation of the digits typed so far, and nothing else: ':' follows '9'.
    values.push(uid, `${uid}:`, uid, uid);
  }
  if (query.modality !== null && query.modality !== '') {
    sources.push('SELECT study FROM studyModalities WHERE modality = ?');
    // Defined terms of Modality (PS3.3 C.7.3.1.1.1) are upper case.
    values.push(query.modality.trim().toUpperCase());
  }
  // Text without a word or UID in it, for example `%`, finds nothing rather than all: a cohort may be made from it.
  if (sources.length === 0 && query.query.trim() !== '') sources.push('SELECT id FROM studies WHERE FALSE');
  return { ids: sources.length === 0 ? null : sources.join('\nINTERSECT\n'), values };
}

export interface StudyReader {
  studies(query: StudyQuery): StudyPage;
  study(studyInstanceUID: string): Study | null;
  instances(seriesInstanceUID: string): { series: Series; instances: Instance[] } | null;
}

export function studyReader(db: Db): StudyReader {
  db.exec('CREATE TEMP TABLE found (id INTEGER PRIMARY KEY)');
  const clearFound = db.prepare('DELETE FROM temp.found');
  const countAll = db.prepare<[], number>('SELECT count(*) FROM studies').pluck();
  const oneStudy = db.prepare<[string], StudyRow>(`SELECT ${studyColumns} FROM studies s WHERE studyInstanceUID = ?`);
  const seriesOfStudies = db.prepare<[string], SeriesRow>(
    `SELECT study, ${seriesColumns}, instances FROM series
     WHERE study IN (SELECT value FROM json_each(?)) ORDER BY study, seriesNumber, id`,
  );
  const oneSeries = db.prepare<[string], Series>(
    `SELECT ${seriesColumns}, sum(instances) AS instances
     FROM series WHERE seriesInstanceUID = ? GROUP BY seriesInstanceUID`,
  );
  const instancesOfSeries = db.prepare<[string], InstanceRow>(
    `SELECT i.sopInstanceUID, r.seriesInstanceUID, i.sopClassUID, i.instanceNumber, i.frames, i."rows", i."columns",
       i.transferSyntaxUID, i.position, i.normal
     FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ? ORDER BY i.instanceNumber, i.id`,
  );

  function withSeries(rows: readonly StudyRow[]): Study[] {
    const series = Map.groupBy(seriesOfStudies.all(JSON.stringify(rows.map((row) => row.id))), (row) => row.study);
    return rows.map(({ id, modalities, ...study }) => ({
      ...study,
      modalities: modalities === '' ? [] : modalities.split('\\'),
      series: (series.get(id) ?? []).map(seriesOnly),
    }));
  }

  function page(source: string, { sortBy, descending, limit, offset }: StudyQuery, few: boolean): StudyRow[] {
    const direction = descending ? 'DESC' : 'ASC';
    // Few are sorted (the plus keeps SQLite from the index); of many, the sort order's index is walked until the page is full.
    const column = few ? sortColumns[sortBy].replace('s.', '+s.') : sortColumns[sortBy];
    const order = `ORDER BY ${column} ${direction}, s.id ${direction} LIMIT ? OFFSET ?`;
    return db.prepare<[number, number], StudyRow>(`SELECT ${studyColumns} FROM ${source} ${order}`).all(limit, offset);
  }

  return {
    studies(query) {
      const { ids, values } = foundStudies(query);
      if (ids === null) return { total: countAll.get()!, studies: withSeries(page('studies s', query, false)) };
      // The ids are found once, for the count and the page.
      clearFound.run();
      const total = db.prepare<string[]>(`INSERT OR IGNORE INTO temp.found ${ids}`).run(...values).changes;
      const few = total <= fewMatches;
      const source = few
        ? 'temp.found f CROSS JOIN studies s ON s.id = f.id'
        : 'studies s CROSS JOIN temp.found f ON f.id = s.id';
      const rows = page(source, query, few);
      clearFound.run();
      return { total, studies: withSeries(rows) };
    },
    study(studyInstanceUID) {
      const row = oneStudy.get(studyInstanceUID);
      return row === undefined ? null : withSeries([row])[0]!;
    },
    instances(seriesInstanceUID) {
      const series = oneSeries.get(seriesInstanceUID);
      if (series === undefined) return null;
      const rows = instancesOfSeries.all(seriesInstanceUID);
      const normal = rows[0]?.normal ?? '';
      // Positions along different normals (a localiser among slices) do not compare: InstanceNumber orders those.
      if (normal !== '' && rows.every((row) => row.normal === normal)) rows.sort((a, b) => a.position! - b.position!);
      return { series, instances: rows.map(instanceOnly) };
    },
  };
}

function seriesOnly({ study: _study, ...series }: SeriesRow): Series {
  return series;
}

function instanceOnly(row: InstanceRow): Instance {
  const { sopInstanceUID, seriesInstanceUID, sopClassUID, transferSyntaxUID, instanceNumber, frames, rows, columns } =
    row;
  return { sopInstanceUID, seriesInstanceUID, sopClassUID, transferSyntaxUID, instanceNumber, frames, rows, columns };
}
