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

const sortColumns: Record<StudyQuery['sortBy'], string> = {
  studyDate: 's.studyDate',
  patientName: 's.patientName COLLATE NOCASE',
  patientID: 's.patientID COLLATE NOCASE',
  description: 's.description COLLATE NOCASE',
  modalities: 's.modalities',
  instances: 's.instances',
};

const studyColumns = `s.id, s.studyInstanceUID, s.patientID, s.patientName, s.patientBirthDate, s.patientSex, s.studyDate,
  s.description, s.accessionNumber, s.modalities, s.instances`;

/** Below this many matches, sorting them is quicker than walking the sort order's index until a page is full. */
const fewMatches = 3_000;

/** The condition that a query sets on `studies AS s`, and its parameters. */
export function studyCondition(query: Pick<StudyQuery, 'query' | 'modality'>): { where: string; values: string[] } {
  const { match, uids } = typedQuery(query.query);
  const conditions: string[] = [];
  const values: string[] = [];
  if (match !== null) {
    conditions.push('s.id IN (SELECT rowid FROM studyText WHERE studyText MATCH ?)');
    values.push(match);
  }
  for (const uid of uids) {
    conditions.push(`s.id IN (SELECT id FROM studies WHERE studyInstanceUID >= ? AND studyInstanceUID < ?
      UNION SELECT study FROM series WHERE seriesInstanceUID >= ? AND seriesInstanceUID < ?
      UNION SELECT r.study FROM instances i JOIN series r ON r.id = i.series WHERE i.sopInstanceUID = ?)`);
    // Every continuation of the digits typed so far, and nothing else: ':' follows '9'.
    values.push(uid, `${uid}:`, uid, `${uid}:`, uid);
  }
  if (query.modality !== null && query.modality !== '') {
    conditions.push('s.id IN (SELECT study FROM studyModalities WHERE modality = ?)');
    values.push(query.modality);
  }
  return { where: conditions.length === 0 ? 'TRUE' : conditions.join(' AND '), values };
}

export interface StudyReader {
  studies(query: StudyQuery): StudyPage;
  study(studyInstanceUID: string): Study | null;
  instances(seriesInstanceUID: string): { series: Series; instances: Instance[] } | null;
}

export function studyReader(db: Db): StudyReader {
  const oneStudy = db.prepare<[string], StudyRow>(`SELECT ${studyColumns} FROM studies s WHERE studyInstanceUID = ?`);
  const seriesOfStudies = db.prepare<[string], SeriesRow>(
    `SELECT study, seriesInstanceUID, modality, description, instances FROM series
     WHERE study IN (SELECT value FROM json_each(?)) ORDER BY study, seriesNumber, id`,
  );
  const oneSeries = db.prepare<[string], Series>(
    `SELECT seriesInstanceUID, max(modality) AS modality, max(description) AS description, sum(instances) AS instances
     FROM series WHERE seriesInstanceUID = ? GROUP BY seriesInstanceUID`,
  );
  const instancesOfSeries = db.prepare<[string], Instance & { position: number | null; normal: string }>(
    `SELECT i.sopInstanceUID, r.seriesInstanceUID, i.sopClassUID, i.instanceNumber, i.frames, i."rows", i."columns",
       i.transferSyntaxUID, i.position, i.normal
     FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ? ORDER BY i.instanceNumber, i.id`,
  );

  function withSeries(rows: readonly StudyRow[]): Study[] {
    const series = Map.groupBy(seriesOfStudies.all(JSON.stringify(rows.map((row) => row.id))), (row) => row.study);
    return rows.map(({ id, modalities, ...study }) => ({
      ...study,
      modalities: modalities === '' ? [] : modalities.split('\\'),
      series: (series.get(id) ?? []).map(({ study: _, ...one }) => one),
    }));
  }

  return {
    studies(query) {
      const { where, values } = studyCondition(query);
      const total = db
        .prepare<string[], number>(`SELECT count(*) FROM studies s WHERE ${where}`)
        .pluck()
        .get(...values)!;
      const column = sortColumns[query.sortBy];
      const direction = query.descending ? 'DESC' : 'ASC';
      // Unary plus keeps SQLite from the sort order's index.
      const order = total <= fewMatches ? column.replace('s.', '+s.') : column;
      const rows = db
        .prepare<(string | number)[], StudyRow>(
          `SELECT ${studyColumns} FROM studies s WHERE ${where} ORDER BY ${order} ${direction}, s.id ${direction} LIMIT ? OFFSET ?`,
        )
        .all(...values, query.limit, query.offset);
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
      return { series, instances: rows.map(({ position: _, normal: __, ...instance }) => instance) };
    },
  };
}
