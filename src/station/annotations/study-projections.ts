// Which side and which view each radiograph and mammogram of a study shows, from headers alone.
import type { Projection } from '../../contract/hanging.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/instance-path.ts';
import type { ObjectThreads } from './object-threads.ts';

/** More of one study are no longer hung side by side. */
const imagesLimit = 64;

export function studyProjections({ db, folder, threads }: { db: Db; folder: string; threads: ObjectThreads }) {
  type Row = { seriesInstanceUID: string; sopInstanceUID: string; modality: string; path: string; isCopy: number };
  const filesOf = db.prepare<[string], Row>(
    `SELECT r.seriesInstanceUID, i.sopInstanceUID, r.modality, i.path, i.isCopy
     FROM studies s JOIN series r ON r.study = s.id JOIN instances i ON i.series = r.id
     WHERE s.studyInstanceUID = ? AND r.modality IN ('MG', 'CR', 'DX') AND i."rows" > 0
     ORDER BY r.seriesNumber, r.id, i.instanceNumber, i.sopInstanceUID LIMIT ${imagesLimit}`,
  );
  return async (studyInstanceUID: string): Promise<Projection[]> => {
    const files = filesOf.all(studyInstanceUID);
    if (files.length === 0) return [];
    const headers = await threads.ask('projections', { paths: files.map((file) => absolutePath(folder, file)) });
    return files.flatMap(({ seriesInstanceUID, sopInstanceUID, modality }, at) => {
      const header = headers[at];
      return header ? [{ seriesInstanceUID, sopInstanceUID, modality, ...header }] : [];
    });
  };
}
