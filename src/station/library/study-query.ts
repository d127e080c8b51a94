// Reads studies, series and instances for lists. Which studies, and in which order, browse/study-lists.ts knows: a page
// of 100 from 100,000 studies, or a keystroke in the search field, is a matter of milliseconds.
import type { Instance, Series, Study, StudyPage, StudyQuery } from '../../contract/dicom.ts';
import type { Db } from './database.ts';
import type { StudyLists } from './browse/study-lists.ts';

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

const studyColumns = `s.id, s.studyInstanceUID, s.patientID, s.patientName, s.patientBirthDate, s.patientSex, s.patientAgeYears, s.studyDate, s.studyTime, s.institutionName,
  s.description, s.accessionNumber, s.modalities, s.instances, s.images, s.frames, s.importedMs`;

const seriesColumns = `seriesInstanceUID, modality, description, seriesNumber, bodyPartExamined, manufacturer,
  manufacturerModelName, sliceThicknessMm`;

/** Of objects that are made from images and say something of them (PS3.3 C.7.3.1.1.1): they come after these. */
const derivedModalities =
  "'SEG', 'RTSTRUCT', 'RTPLAN', 'RTDOSE', 'RTRECORD', 'REG', 'ANN', 'SR', 'KO', 'PR', 'RWV', 'FID'";

export interface StudyReader {
  studies(query: StudyQuery): StudyPage;
  study(studyInstanceUID: string): Study | null;
  instances(seriesInstanceUID: string): { series: Series; instances: Instance[] } | null;
}

export function studyReader(db: Db, lists: StudyLists): StudyReader {
  const oneStudy = db.prepare<[string], StudyRow>(`SELECT ${studyColumns} FROM studies s WHERE studyInstanceUID = ?`);
  const someStudies = db.prepare<[string], StudyRow>(
    `SELECT ${studyColumns} FROM studies s WHERE id IN (SELECT value FROM json_each(?))`,
  );
  const seriesOfStudies = db.prepare<[string], SeriesRow>(
    `SELECT study, ${seriesColumns}, instances, images, frames FROM series
     WHERE study IN (SELECT value FROM json_each(?)) ORDER BY study, modality IN (${derivedModalities}), seriesNumber, id`,
  );
  const oneSeries = db.prepare<[string], Series>(
    `SELECT ${seriesColumns}, sum(instances) AS instances, sum(images) AS images, sum(frames) AS frames
     FROM series WHERE seriesInstanceUID = ? GROUP BY seriesInstanceUID`,
  );
  const instancesOfSeries = db.prepare<[string], InstanceRow>(
    `SELECT i.sopInstanceUID, r.seriesInstanceUID, i.sopClassUID, i.instanceNumber, i.frames, i."rows", i."columns",
       i.transferSyntaxUID, i.position, i.normal
     FROM series r JOIN instances i ON i.series = r.id WHERE r.seriesInstanceUID = ? ORDER BY i.instanceNumber, i.id`,
  );

  function withSeries(rows: readonly StudyRow[]): [number, Study][] {
    const series = Map.groupBy(seriesOfStudies.all(JSON.stringify(rows.map((row) => row.id))), (row) => row.study);
    return rows.map(({ id, modalities, ...study }) => [
      id,
      {
        ...study,
        modalities: modalities === '' ? [] : modalities.split('\\'),
        series: (series.get(id) ?? []).map(seriesOnly),
      },
    ]);
  }

  return {
    studies({ limit, offset, descending, ...search }) {
      const list = lists.list(search);
      const ids = pageOf(list, { limit, offset, descending });
      const rows = new Map(withSeries(someStudies.all(JSON.stringify(ids))));
      return { total: list.length, studies: ids.flatMap((id) => rows.get(id) ?? []) };
    },
    study(studyInstanceUID) {
      const row = oneStudy.get(studyInstanceUID);
      return row === undefined ? null : withSeries([row])[0]![1];
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

/** A page of a list that ascends. */
export function pageOf(
  list: Uint32Array,
  { limit, offset, descending }: { limit: number; offset: number; descending: boolean },
): number[] {
  if (!descending) return [...list.subarray(offset, offset + limit)];
  const end = Math.max(0, list.length - offset);
  return [...list.subarray(Math.max(0, end - limit), end)].reverse();
}
