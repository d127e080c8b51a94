// Which segmentations and structure sets refer to which series. An object is read when a series of its patient is first asked
// about, and what was found is kept: later answers come from the tables alone.
import { z } from 'zod';
import { type Overlay, overlaySchema } from '../../contract/annotation.ts';
import { Fault } from '../../contract/fault.ts';
import type { Db } from '../library/database.ts';
import { absolutePath } from '../library/instance-path.ts';
import { modelManufacturer } from '../library/model-made.ts';
import type { ObjectThreads } from './object-threads.ts';
import type { OverlayDescription } from './overlay-description.ts';

export interface OverlayIndex {
  /** In order of SOP Instance UID; those of its study that cannot be read say why. */
  overlaysOf(seriesInstanceUID: string): Promise<Overlay[]>;
}

/** Raised when references are read in another way: what was kept by an earlier one is read again. */
const reader = 2;
/** Segmentation, Label Map Segmentation and RT Structure Set Storage: some writers put them into a series of another modality. */
const overlayClasses = ['66.4', '66.7', '481.3'].map((end) => `'1.2.840.10008.5.1.4.1.1.${end}'`).join(', ');
/** Objects of one patient that are read for one answer; the rest follows with the next. */
const readAtOnce = 2_000;

const regionsSchema = overlaySchema.shape.regions;
const unreadableSchema = z.object({ sopInstanceUID: z.string(), sopClassUID: z.string(), problem: z.string() });
const rowSchema = z.object({
  sopInstanceUID: z.string(),
  isPredicted: z.number().transform(Boolean),
  kind: overlaySchema.shape.kind,
  description: z.string(),
  regions: z.string(),
});

export function overlayIndex({
  db,
  folder,
  threads,
}: {
  db: Db;
  folder: string;
  threads: ObjectThreads;
}): OverlayIndex {
  const patientOf = db
    .prepare<[string], number>(
      'SELECT s.patient FROM series r JOIN studies s ON s.id = r.study WHERE r.seriesInstanceUID = ?',
    )
    .pluck();
  const unread = db.prepare<[number], { sopInstanceUID: string; path: string; isCopy: number }>(
    `SELECT i.sopInstanceUID, i.path, i.isCopy
     FROM studies s JOIN series r ON r.study = s.id JOIN instances i ON i.series = r.id
       LEFT JOIN overlayObjects o ON o.sopInstanceUID = i.sopInstanceUID AND o.reader = ${reader}
     WHERE s.patient = ? AND (r.modality IN ('SEG', 'RTSTRUCT') OR i.sopClassUID IN (${overlayClasses})) AND o.sopInstanceUID IS NULL LIMIT ${readAtOnce}`,
  );
  const referring = db.prepare<[string], unknown>(
    `SELECT o.sopInstanceUID, o.kind, o.description, o.regions, r.manufacturer = '${modelManufacturer}' AS isPredicted
     FROM overlayReferences f JOIN overlayObjects o ON o.sopInstanceUID = f.sopInstanceUID
       JOIN instances i ON i.sopInstanceUID = o.sopInstanceUID JOIN series r ON r.id = i.series
     WHERE f.seriesInstanceUID = ? ORDER BY o.sopInstanceUID`,
  );
  // An object that cannot be read names no series: it is told with every series of its study.
  const unreadable = db.prepare<[string], unknown>(
    `SELECT o.sopInstanceUID, o.description AS problem, i.sopClassUID AS sopClassUID
     FROM series asked JOIN series r ON r.study = asked.study JOIN instances i ON i.series = r.id
       JOIN overlayObjects o ON o.sopInstanceUID = i.sopInstanceUID
     WHERE asked.seriesInstanceUID = ? AND o.kind = '' AND o.description <> '' ORDER BY o.sopInstanceUID`,
  );
  const seriesOf = db
    .prepare<[string], string>(
      `SELECT DISTINCT r.seriesInstanceUID FROM instances i JOIN series r ON r.id = i.series
       WHERE i.sopInstanceUID IN (SELECT value FROM json_each(?))`,
    )
    .pluck();
  const keepObject = db.prepare(
    'INSERT OR REPLACE INTO overlayObjects (sopInstanceUID, reader, kind, description, regions) VALUES (?, ?, ?, ?, ?)',
  );
  const forget = db.prepare('DELETE FROM overlayReferences WHERE sopInstanceUID = ?');
  const keepReference = db.prepare(
    'INSERT OR IGNORE INTO overlayReferences (seriesInstanceUID, sopInstanceUID) VALUES (?, ?)',
  );
  const keep = db.transaction((sopInstanceUID: string, found: OverlayDescription | null, problem = '') => {
    forget.run(sopInstanceUID);
    keepObject.run(
      sopInstanceUID,
      reader,
      found?.kind ?? '',
      // Of what cannot be read, the reason.
      found?.description ?? problem,
      JSON.stringify(found?.regions ?? []),
    );
    const bySource =
      found === null || found.instances.length === 0 ? [] : seriesOf.all(JSON.stringify(found.instances));
    for (const series of new Set([...(found?.series ?? []), ...bySource])) keepReference.run(series, sopInstanceUID);
  });

  return {
    async overlaysOf(seriesInstanceUID) {
      const patient = patientOf.get(seriesInstanceUID);
      if (patient === undefined) return [];
      for (const object of unread.all(patient)) {
        try {
          const found = await threads.ask('describe', { path: absolutePath(folder, object) });
          // A structure set may come before the images whose series its contours name only by instance: not settled yet.
          const isSettled = found === null || found.series.length > 0 || found.instances.length === 0;
          if (isSettled || seriesOf.all(JSON.stringify(found.instances)).length > 0) keep(object.sopInstanceUID, found);
        } catch (thrown) {
          // Gone or damaged for good: not asked again until it is imported anew. A file that is away for now is.
          if (!(thrown instanceof Fault)) throw thrown;
          if (thrown.retry === 'never' && db.open) keep(object.sopInstanceUID, null, thrown.message);
        }
      }
      const readable = referring.all(seriesInstanceUID).map((row) => {
        const { regions, ...overlay } = rowSchema.parse(row);
        return { ...overlay, regions: regionsSchema.parse(JSON.parse(regions)), problem: null };
      });
      const others = unreadable.all(seriesInstanceUID).map((row): Overlay => {
        const { sopInstanceUID, sopClassUID, problem } = unreadableSchema.parse(row);
        const kind = sopClassUID.endsWith('.481.3') ? 'RTSTRUCT' : 'SEG';
        return { sopInstanceUID, kind, description: '', regions: [], isPredicted: false, problem };
      });
      return [...readable, ...others];
    },
  };
}
