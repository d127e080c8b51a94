// Whose picture a file is, by the rows of a labels file. A picture is wrapped with its patient as it is read, while which file a row
// means is known only when all were seen: so all files are met by their names before the first of them is read.
import type Database from 'better-sqlite3';
import { sameContent } from '../same-content.ts';

export interface FittingRow {
  readonly id: number;
  readonly patient: string | null;
}

/** Rows that a file's place agrees with longest, all equally long, and what they say together. */
export interface FittingRows {
  readonly found: readonly FittingRow[];
  readonly agreement: number;
  readonly patient: string | null;
}

export interface RowPatients {
  /** A file that the import will come upon. All of them before the first patient is asked for. */
  meet(source: string): Promise<void>;
  /** Null where no row says one, and where the row that does fits other files as well or better. */
  patientOf(source: string): string | null;
  notes(): string[];
}

export function rowPatients(db: Database.Database, rowsOfFile: (source: string) => FittingRows): RowPatients {
  // The file that agrees longest with a row; shared by several with different content.
  db.exec(
    `CREATE TABLE met (row INTEGER PRIMARY KEY, source TEXT NOT NULL, agreement INTEGER NOT NULL, isShared INTEGER NOT NULL)`,
  );
  const metBy = db.prepare<[number], { source: string; agreement: number; isShared: number }>(
    'SELECT source, agreement, isShared FROM met WHERE row = ?',
  );
  const put = db.prepare<[number, string, number]>('INSERT OR REPLACE INTO met VALUES (?, ?, ?, 0)');
  const share = db.prepare<[number]>('UPDATE met SET isShared = 1 WHERE row = ?');
  const shared = db.prepare<[], number>('SELECT count(*) FROM met WHERE isShared').pluck();
  let unmet = 0;

  return {
    async meet(source) {
      const { found, agreement, patient } = rowsOfFile(source);
      if (patient === null) return;
      for (const { id } of found) {
        const best = metBy.get(id);
        if (best === undefined || agreement > best.agreement) put.run(id, source, agreement);
        else if (agreement === best.agreement && best.isShared === 0 && !(await isOneImage(best.source, source)))
          share.run(id);
      }
    },
    patientOf(source) {
      const { found, agreement, patient } = rowsOfFile(source);
      if (patient === null) return null;
      const best = found.map(({ id }) => metBy.get(id));
      if (best.some((one) => one === undefined || one.agreement < agreement)) {
        unmet += 1;
        return null;
      }
      return best.every((one) => one?.agreement === agreement && one.isShared === 0) ? patient : null;
    },
    notes() {
      const notes: string[] = [];
      const rows = shared.get() ?? 0;
      if (rows > 0) {
        const which = rows === 1 ? '1 row of the labels file fits' : `${rows} rows of the labels file fit`;
        const whose = rows === 1 ? 'its patient' : 'their patients';
        notes.push(`${which} several files, which are left without ${whose}: write more of their paths.`);
      }
      if (unmet > 0) {
        const which = unmet === 1 ? '1 file is' : `${unmet} files are`;
        notes.push(
          `${which} left without a patient, in an archive that lies in another or is not called .zip: expand it and import the folder.`,
        );
      }
      return notes;
    },
  };
}

/** Copies of one file become one image. */
const isOneImage = async (a: string, b: string): Promise<boolean> => a === b || (await sameContent(a, b)) === true;
