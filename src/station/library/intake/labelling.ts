// Labels of an import: from the names of folders, or from a labels file. They are saved with each batch, so that they
// are there when the images are; what turns out to be ambiguous in the end is taken back.
import path from 'node:path';
import type { ImportLabels } from '../../../contract/dicom.ts';
import { openLabelsFile } from '../../cohorts/labels-file.ts';
import type { ImportTally } from '../import-tally.ts';
import type { InstanceRecord } from '../instance-record.ts';
import type { StoredLabels } from '../stored-labels.ts';
import { labelMapClassUID } from './wrap-mask.ts';
import { type LabelRows, openLabelBook } from './label-rows.ts';
import type { RowPatients } from './row-patients.ts';

export interface PlacedFile {
  readonly source: string;
  /** See Candidate. */
  readonly within: string;
  readonly record: Pick<
    InstanceRecord,
    'sopInstanceUID' | 'sopClassUID' | 'studyInstanceUID' | 'seriesInstanceUID' | 'patientID'
  >;
}

export interface Labelling {
  /** Absolute path of the labels file, which is no file to import; null where folders give the labels. */
  readonly file: string | null;
  /** Patients that the labels file names for files; null where it names none. */
  readonly patients: RowPatients | null;
  save(placed: readonly PlacedFile[]): void;
  /** Takes back what contradicts itself and tells what did not fit. */
  finish(): { labelled: number; notes: string[] };
}

/**
 * @param tally is told which files get no label and which rows label nothing
 * @throws Fault 201–204, 210 or 216 where the labels file cannot be used.
 */
export function labelling(
  from: ImportLabels,
  stored: StoredLabels,
  tally: Pick<ImportTally, 'remark' | 'remarkOn'>,
): Labelling {
  const file = from === 'folders' ? null : openLabelsFile(from.file, from.column);
  const book = openLabelBook();
  const rows = file === null ? null : book.rows(file);
  let unlabelled = 0;

  function labelOf(placed: PlacedFile): string | null {
    return rows === null ? folderLabel(placed.within) : rows.labelOf(placed);
  }

  return {
    file: from === 'folders' ? null : path.resolve(from.file),
    patients: rows?.patients ?? null,
    save(placed) {
      const fresh: { level: 'instance'; uid: string; label: string }[] = [];
      for (const one of placed) {
        // A mask says what is on an image; a label of its own would be its folder's.
        if (one.record.sopClassUID === labelMapClassUID) continue;
        const uid = one.record.sopInstanceUID;
        const label = labelOf(one);
        if (label === null) {
          unlabelled += 1;
          tally.remark(one, 'unlabelled', rows === null ? 'No folder gives it one.' : 'No row fits it.');
        } else if (book.give(uid, label)) fresh.push({ level: 'instance', uid, label });
      }
      stored.save('import', fresh);
    },
    finish() {
      try {
        const { images, contradicted, outbid, withdrawn } = book.given();
        for (const { row, key, why } of rows?.unfitting() ?? [])
          tally.remarkOn(key, 'unfitting-rows', `Row ${row}: ${misfit[why]}`);
        stored.remove('import', labelsOf(book.withdrawn()));
        const notes = [...(rows?.notes() ?? []), ...notesOf(rows, unlabelled + outbid, contradicted)];
        return { labelled: images - withdrawn, notes };
      } finally {
        book.close();
      }
    },
  };
}

const misfit = {
  'no image': 'no image of this import fits it.',
  'several files': 'several files fit it, and it labels none of them. Write more of their paths.',
} as const;

function* labelsOf(images: Iterable<string>): Generator<{ level: 'instance'; uid: string }> {
  for (const uid of images) yield { level: 'instance', uid };
}

/** The name of the folder that holds the file; null for one straight below what was imported. */
function folderLabel(within: string): string | null {
  const folder = path.posix.basename(path.posix.dirname(within));
  return folder === '.' || folder === '' ? null : folder.slice(0, 100);
}

function notesOf(rows: LabelRows | null, unlabelled: number, contradicted: number): string[] {
  const notes: string[] = [];
  if (unlabelled > 0) {
    const files = unlabelled === 1 ? '1 file has' : `${unlabelled} files have`;
    const which = unlabelled === 1 ? 'it' : 'them';
    const why =
      rows === null ? `no folder below the imported one holds ${which}` : `the labels file has no row for ${which}`;
    notes.push(`${files} no label: ${why}.`);
  }
  if (contradicted > 0) {
    notes.push(
      contradicted === 1
        ? '1 image occurs twice with different labels and is left without one.'
        : `${contradicted} images occur twice with different labels and are left without one.`,
    );
  }
  return notes;
}
