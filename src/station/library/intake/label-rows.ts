// The rows of a labels file, looked up for each file of an import as it comes by, and the labels that images were given. Both lie in a
// database without a name, which SQLite keeps in a file of its own only where it grows, and which is gone with the process: memory does
// not grow with the rows.
import Database from 'better-sqlite3';
import type { LabelsFile } from '../../cohorts/labels-file.ts';
import type { PlacedFile } from './labelling.ts';
import { type RowPatients, rowPatients } from './row-patients.ts';

export interface LabelRows {
  labelOf(placed: PlacedFile): string | null;
  /** Null where the rows are not of files or tell no patients. */
  readonly patients: RowPatients | null;
  notes(): string[];
  /** The rows that label nothing, one at a time: no image fits them, or several files do. */
  unfitting(): Iterable<UnfittingRow>;
}

export interface UnfittingRow {
  /** From 1, the heading not counted. */
  readonly row: number;
  /** As it stands in the file, but for the slashes of a path. */
  readonly key: string;
  readonly why: 'no image' | 'several files';
}

export interface LabelBook {
  /** Takes in the rows of a labels file. */
  rows(file: LabelsFile): LabelRows;
  /** Whether this is an image's first label; one that gets another is in contradiction. */
  give(sopInstanceUID: string, label: string): boolean;
  /**
   * SOP Instance UIDs of images in contradiction, of files that share a row that means one file, and of those whose row agrees longer with
   * another file; one at a time.
   */
  withdrawn(): Iterable<string>;
  given(): { images: number; contradicted: number; outbid: number; withdrawn: number };
  close(): void;
}

const cacheKib = 8 * 1024;
/** Files whose rows are kept in memory, once or twice so many: more than are read at once. */
const keptLately = 2_048;
/** More rows than these a file agrees with by a common name, such as image.png, and as a rule without a row of its own. */
const fewRows = 8;
/** Ends each part of a path, before all that a name is made of: paths with the same end then lie side by side. */
const partEnd = '\u0001';
const afterAll = '\u{10ffff}';

const schema = `
  CREATE TABLE row (id INTEGER NOT NULL, place TEXT NOT NULL, label TEXT NOT NULL, patient TEXT, PRIMARY KEY (place, id))
    WITHOUT ROWID;
  CREATE TABLE taken (row INTEGER NOT NULL, sopInstanceUID TEXT NOT NULL, agreement INTEGER, PRIMARY KEY (row, sopInstanceUID))
    WITHOUT ROWID;
  CREATE TABLE given (sopInstanceUID TEXT PRIMARY KEY, label TEXT NOT NULL, isContradicted INTEGER NOT NULL) WITHOUT ROWID;
  -- The first two images of those that agree alike with very many rows; the further ones fare as the first does.
  CREATE TABLE crowd (agreed TEXT PRIMARY KEY, first TEXT NOT NULL, second TEXT) WITHOUT ROWID;
  CREATE TABLE further (sopInstanceUID TEXT NOT NULL, first TEXT NOT NULL, PRIMARY KEY (sopInstanceUID, first)) WITHOUT ROWID;
  CREATE VIEW best AS SELECT row, max(agreement) AS agreement FROM taken GROUP BY row;
  CREATE VIEW outbidByRow AS SELECT sopInstanceUID FROM taken JOIN best USING (row) WHERE taken.agreement < best.agreement;
  CREATE VIEW outbid AS SELECT sopInstanceUID FROM outbidByRow
    UNION SELECT sopInstanceUID FROM further WHERE first IN (SELECT sopInstanceUID FROM outbidByRow);
  CREATE VIEW sharing AS SELECT row FROM taken JOIN best USING (row) WHERE taken.agreement = best.agreement
    GROUP BY row HAVING count(*) > 1;
`;

interface Row {
  readonly id: number;
  readonly label: string;
  readonly patient: string | null;
}

interface RowsOfFile {
  readonly found: readonly Row[];
  /** Characters that all of them agree with. */
  readonly agreement: number;
  /** These characters, where they are very many rows. */
  readonly agreed: string | null;
}

export function openLabelBook(): LabelBook {
  const db = new Database('');
  // One transaction that is never committed: nobody reads it later.
  db.pragma('journal_mode = OFF');
  db.pragma(`cache_size = -${cacheKib}`);
  db.exec(`BEGIN; ${schema}`);
  const give = db.prepare<[string, string]>('INSERT OR IGNORE INTO given VALUES (?, ?, 0)');
  const contradict = db.prepare<[string, string]>(
    'UPDATE given SET isContradicted = 1 WHERE sopInstanceUID = ? AND label <> ?',
  );
  const withdrawn = `FROM given WHERE isContradicted
    OR sopInstanceUID IN (SELECT sopInstanceUID FROM outbid) OR sopInstanceUID IN (SELECT sopInstanceUID FROM further)
    OR sopInstanceUID IN (SELECT sopInstanceUID FROM taken WHERE row IN (SELECT row FROM sharing))`;
  const count = (what: string): number => db.prepare<[], number>(`SELECT count(*) ${what}`).pluck().get() ?? 0;
  return {
    rows: (file) => labelRows(db, file, count),
    give(sopInstanceUID, label) {
      const isFirst = give.run(sopInstanceUID, label).changes === 1;
      if (!isFirst) contradict.run(sopInstanceUID, label);
      return isFirst;
    },
    *withdrawn() {
      yield* db.prepare<[], string>(`SELECT sopInstanceUID ${withdrawn}`).pluck().iterate();
    },
    given: () => ({
      images: count('FROM given'),
      contradicted: count('FROM given WHERE isContradicted'),
      outbid: count('FROM given WHERE sopInstanceUID IN (SELECT sopInstanceUID FROM outbid)'),
      withdrawn: count(withdrawn),
    }),
    close: () => void db.close(),
  };
}

/**
 * By file: a row may give the whole path, its end, or the bare name; the longest agreement counts, for the file and for the row. A path
 * from another machine still matches by its name where that name has one row. By UID or patient: as it stands in the header.
 */
function labelRows(db: Database.Database, file: LabelsFile, count: (what: string) => number): LabelRows {
  const byFile = file.key === 'file';
  const insert = db.prepare('INSERT INTO row (id, place, label, patient) VALUES (?, ?, ?, ?)');
  let id = 0;
  for (const { key, label, patient } of file.rows())
    insert.run(
      (id += 1),
      byFile ? fromItsEnd(key.replaceAll('\\', '/').replace(/^(\.?\/)+/, '')) : key,
      label,
      patient,
    );
  const at = db.prepare<[string], Row>('SELECT id, label, patient FROM row WHERE place = ? ORDER BY id');
  const between = db.prepare<[string, string], Row>(
    'SELECT id, label, patient FROM row WHERE place >= ? AND place < ? ORDER BY id',
  );
  const before = db.prepare<[string], Row & { place: string }>(
    'SELECT id, label, patient, place FROM row WHERE place <= ? ORDER BY place DESC LIMIT 2',
  );
  const after = db.prepare<[string], string>('SELECT place FROM row WHERE place > ? ORDER BY place LIMIT 1').pluck();
  const take = db.prepare<[number, string, number | null]>(
    'INSERT INTO taken VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET agreement = max(agreement, excluded.agreement)',
  );
  const crowdOf = db.prepare<[string], { first: string; second: string | null }>(
    'SELECT first, second FROM crowd WHERE agreed = ?',
  );
  const begin = db.prepare<[string, string]>('INSERT INTO crowd VALUES (?, ?, NULL)');
  const addSecond = db.prepare<[string, string]>('UPDATE crowd SET second = ? WHERE agreed = ?');
  const follow = db.prepare<[string, string]>('INSERT OR IGNORE INTO further VALUES (?, ?)');

  let group: { readonly agreed: string; readonly found: readonly Row[] } | null = null;
  /** What agrees longest stands next to it in the order of the index, and so do all others that agree as long. */
  function readRowsOfFile(source: string): RowsOfFile {
    const place = fromItsEnd(source.replaceAll('\\', '/'));
    const [last, ...others] = before.all(place);
    const own = commonEnd(place, last?.place ?? '');
    const theirs = Math.max(commonEnd(place, after.get(place) ?? ''), commonEnd(place, others[0]?.place ?? ''));
    // As a rule it is one row, the last one before.
    if (last !== undefined && own > theirs) return { found: [last], agreement: own, agreed: null };
    if (theirs === 0) return { found: [], agreement: 0, agreed: null };
    const agreed = place.slice(0, theirs);
    // Files that agree alike come together.
    if (agreed !== group?.agreed) group = { agreed, found: between.all(agreed, agreed + afterAll) };
    const { found } = group;
    return { found, agreement: theirs, agreed: found.length > fewRows ? agreed : null };
  }

  /** Whose patient was asked for, its label is asked for soon. The files before them go together. */
  let [lately, earlier] = [new Map<string, RowsOfFile>(), new Map<string, RowsOfFile>()];
  function rowsOfFile(source: string): RowsOfFile {
    const known = lately.get(source) ?? earlier.get(source);
    if (known !== undefined) return known;
    const rows = readRowsOfFile(source);
    if (rows.agreed !== null) return rows;
    if (lately.size === keptLately) [lately, earlier] = [new Map(), lately];
    lately.set(source, rows);
    return rows;
  }

  const rowsOf = ({ source, record }: PlacedFile): Omit<RowsOfFile, 'agreement'> & { agreement: number | null } =>
    file.key === 'file' ? rowsOfFile(source) : { found: at.all(record[file.key]), agreement: null, agreed: null };
  /**
   * Whether an image is to take these rows, which would be as many as files times rows: a third one changes nothing for the two before it. Of
   * three, each row has another file that agrees longer, or is shared.
   */
  const isToTake = (agreed: string, sopInstanceUID: string): boolean => {
    const crowd = crowdOf.get(agreed);
    if (crowd === undefined) return begin.run(agreed, sopInstanceUID).changes === 1;
    const { first, second } = crowd;
    if (sopInstanceUID === first || sopInstanceUID === second) return false;
    if (second === null) return addSecond.run(sopInstanceUID, agreed).changes === 1;
    follow.run(sopInstanceUID, first);
    return false;
  };
  /** What several rows that fit equally well say together: nothing where they differ. */
  const common = <Value>(found: readonly Row[], valueOf: (row: Row) => Value): Value | null =>
    found.every((row) => valueOf(row) === valueOf(found[0]!)) && found[0] !== undefined ? valueOf(found[0]) : null;

  const tellsPatients = byFile && count('FROM row WHERE patient IS NOT NULL') > 0;
  const patients = tellsPatients
    ? rowPatients(db, (source) => {
        const fitting = rowsOfFile(source);
        return { ...fitting, patient: common(fitting.found, ({ patient }) => patient) };
      })
    : null;

  return {
    labelOf(placed) {
      const { found, agreement, agreed } = rowsOf(placed);
      const { sopInstanceUID } = placed.record;
      if (agreed === null || isToTake(agreed, sopInstanceUID))
        for (const { id } of found) take.run(id, sopInstanceUID, agreement);
      return common(found, ({ label }) => label) || null;
    },
    patients,
    *unfitting() {
      const rows = db.prepare<[], { row: number; place: string; isShared: number }>(
        `SELECT id AS row, place, id IN (SELECT row FROM sharing) AS isShared FROM row
           WHERE isShared OR id NOT IN (SELECT row FROM taken) ORDER BY id`,
      );
      for (const { row, place, isShared } of rows.iterate())
        yield {
          row,
          key: byFile ? fromItsBeginning(place) : place,
          why: isShared === 1 ? 'several files' : 'no image',
        };
    },
    notes() {
      const unused = count('FROM row WHERE id NOT IN (SELECT row FROM taken)');
      const ambiguous = count('FROM sharing');
      return [
        ...(unused === 0
          ? []
          : [
              `${unused} ${unused === 1 ? 'row of the labels file fits' : 'rows of the labels file fit'} no imported file.`,
            ]),
        ...(ambiguous === 0
          ? []
          : [
              `${ambiguous} ${ambiguous === 1 ? 'row of the labels file fits' : 'rows of the labels file fit'} several files, which are left without a label: write more of their paths.`,
            ]),
        ...(patients?.notes() ?? []),
      ];
    },
  };
}

/** The parts of a path with slashes, the last one first, each with its end. */
function fromItsEnd(path: string): string {
  return path
    .split('/')
    .reverse()
    .map((part) => part + partEnd)
    .join('');
}

/** What {@link fromItsEnd} was made of. */
function fromItsBeginning(place: string): string {
  return place.split(partEnd).slice(0, -1).reverse().join('/');
}

/** Length of the whole parts that two places begin with. */
function commonEnd(place: string, other: string): number {
  let length = 0;
  while (length < place.length && place[length] === other[length]) length += 1;
  return place.lastIndexOf(partEnd, length - 1) + 1;
}
