// The imports of a library and what each found amiss, kept in the index.
import { z } from 'zod';
import type { ImportReport } from '../../../contract/dicom.ts';
import {
  type Finding,
  findingCountSchema,
  type FindingKind,
  findingKinds,
  type PastImport,
} from '../../../contract/import-report.ts';
import type { Db } from '../database.ts';
import type { ImportTally } from '../import-tally.ts';
import { libraryFaults } from '../faults.ts';
import { FindingsTally } from './findings-tally.ts';
import { type CheckedInstance, type CheckedSeries, seriesFindings } from './series-findings.ts';

const pathsKept = 100;
/** Between these many series other work of the station gets its turn. */
const seriesAtOnce = 50;

export interface ImportPlan {
  readonly paths: readonly string[];
  readonly mode: string;
}

/** The row of an import that has begun. */
export interface RunningImport {
  readonly id: number;
  /** Keeps what it has done by now, at most once a second; a place that is full costs only this. */
  note(): void;
  /** A fault ended it. Never throws: where it cannot be written, the next open does. */
  cutOff(): void;
}

const noteEveryMs = 1_000;

export function beginImport(db: Db, tally: ImportTally, plan: ImportPlan): RunningImport {
  const inserted = db
    .prepare(
      `INSERT INTO imports (startedAt, paths, mode, files, imported, duplicates, refused, studies, series, seconds, cancelled, findings, state)
       VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, '[]', 'running')`,
    )
    .run(new Date(tally.startedAtMs).toISOString(), JSON.stringify(plan.paths.slice(0, pathsKept)), plan.mode);
  const id = Number(inserted.lastInsertRowid);
  const keep = db.prepare(
    `UPDATE imports SET files = @files, imported = @imported, duplicates = @duplicates, refused = @refused, studies = @studies,
       series = @series, seconds = @seconds, state = @state WHERE id = @id`,
  );
  const write = (state: 'running' | 'cut-off'): void => {
    const { files, imported, duplicates, refused, studies, series, seconds } = tally.report(false);
    try {
      keep.run({ id, files, imported, duplicates, refused, studies, series, seconds, state });
    } catch {
      // What the import itself writes next tells the fault.
    }
  };
  let notedMs = performance.now();
  return {
    id,
    note() {
      if (performance.now() - notedMs < noteEveryMs) return;
      notedMs = performance.now();
      write('running');
    },
    cutOff: () => write('cut-off'),
  };
}

/** At the opening of a library nothing runs: what says so was killed. */
export function endCutImports(db: Db): void {
  db.prepare("UPDATE imports SET state = 'cut-off' WHERE state = 'running'").run();
}

/** Looks through every series that the import touched, over all that the library holds of it, and keeps the report. */
export async function saveImport(db: Db, id: number, tally: ImportTally, cancelled: boolean): Promise<ImportReport> {
  const found = new FindingsTally();
  for (const refusal of tally.refusals) found.add(fileFinding(refusal));
  for (const remark of tally.remarks) found.add(remark);
  for (const { kind, count } of tally.unlisted) found.addUnnamed(kind, count);
  await findInTouched(db, tally, found);
  const { counts: findings, kept } = found.end();
  const report = tally.report(cancelled);
  const { files, imported, duplicates, refused, studies, series, seconds, labelled, notes } = report;
  const keepReport = db.prepare(
    `UPDATE imports SET files = @files, imported = @imported, duplicates = @duplicates, refused = @refused, studies = @studies,
       series = @series, seconds = @seconds, cancelled = @cancelled, labelled = @labelled, notes = @notes, findings = @findings,
       state = 'ended' WHERE id = @id`,
  );
  const insertFinding = db.prepare(
    `INSERT INTO importFindings (import, kindOrder, kind, studyInstanceUID, seriesInstanceUID, subject, what, count)
     VALUES (@id, @kindOrder, @kind, @studyInstanceUID, @seriesInstanceUID, @subject, @what, @count)`,
  );
  db.transaction(() => {
    keepReport.run({
      id,
      files,
      imported,
      duplicates,
      refused,
      studies,
      series,
      seconds,
      labelled,
      cancelled: cancelled ? 1 : 0,
      notes: JSON.stringify(notes),
      findings: JSON.stringify(findings),
    });
    for (const one of kept) insertFinding.run({ ...one, id, kindOrder: findingKinds.indexOf(one.kind) });
  })();
  return { ...report, id, findings };
}

const fileFinding = ({ kind, path, reason }: { kind: FindingKind; path: string; reason: string }): Finding => ({
  kind,
  studyInstanceUID: null,
  seriesInstanceUID: null,
  subject: path,
  what: reason,
  count: 1,
});

async function findInTouched(db: Db, tally: ImportTally, found: FindingsTally): Promise<void> {
  const oneSeries = db.prepare<[string, string], CheckedSeries & { id: number }>(
    `SELECT r.id, s.studyInstanceUID, r.seriesInstanceUID, r.modality, r.description, r.seriesNumber, s.patientID
     FROM studies s JOIN series r ON r.study = s.id WHERE s.studyInstanceUID = ? AND r.seriesInstanceUID = ?`,
  );
  const instancesOf = db.prepare<[number], CheckedInstance>(
    `SELECT sopInstanceUID, path, isCopy, source, sopClassUID, transferSyntaxUID, instanceNumber, frames, "rows", "columns", position, normal, damaged,
       acquisition, acquisitionTime, pixelSpacing, alongRow, alongColumn, gantryTilt, burnedIn, missing
     FROM instances WHERE series = ?`,
  );
  let looked = 0;
  for (const [study, ofStudy] of tally.touched)
    for (const uid of ofStudy) {
      const series = oneSeries.get(study, uid);
      if (series !== undefined)
        for (const finding of seriesFindings(series, instancesOf.all(series.id))) found.add(finding);
      looked += 1;
      if (looked % seriesAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
}

interface ImportRow extends Omit<PastImport, 'paths' | 'cancelled' | 'notes' | 'findings'> {
  readonly paths: string;
  readonly notes: string;
  readonly cancelled: number;
  readonly findings: string;
}

export interface FoundFindings {
  readonly import: PastImport;
  readonly total: number;
  readonly findings: Finding[];
}

/** Reads the past imports. */
export interface ImportBook {
  list(page: { limit: number; offset: number }): { total: number; imports: PastImport[] };
  /** @throws Fault 112 where there was no such import. */
  findings(asked: { id: number; kind: FindingKind | null; limit: number; offset: number }): FoundFindings;
}

export function importBook(db: Db): ImportBook {
  const count = db.prepare<[], number>('SELECT count(*) FROM imports').pluck();
  const list = db.prepare<[number, number], ImportRow>('SELECT * FROM imports ORDER BY id DESC LIMIT ? OFFSET ?');
  const one = db.prepare<[number], ImportRow>('SELECT * FROM imports WHERE id = ?');
  const findings = db.prepare<[Record<string, unknown>], Finding>(
    `SELECT kind, studyInstanceUID, seriesInstanceUID, subject, what, count FROM importFindings
     WHERE import = @id AND (@kind IS NULL OR kind = @kind) ORDER BY kindOrder, id LIMIT @limit OFFSET @offset`,
  );
  const countFindings = db
    .prepare<[Record<string, unknown>], number>(
      'SELECT count(*) FROM importFindings WHERE import = @id AND (@kind IS NULL OR kind = @kind)',
    )
    .pluck();
  return {
    list: ({ limit, offset }) => ({ total: count.get() ?? 0, imports: list.all(limit, offset).map(pastImport) }),
    findings({ id, kind, limit, offset }) {
      const row = one.get(id);
      if (row === undefined) throw libraryFaults.unknownImport(id);
      return {
        import: pastImport(row),
        total: countFindings.get({ id, kind }) ?? 0,
        findings: findings.all({ id, kind, limit, offset }),
      };
    },
  };
}

function pastImport(row: ImportRow): PastImport {
  return {
    ...row,
    paths: z.array(z.string()).parse(JSON.parse(row.paths)),
    cancelled: row.cancelled === 1,
    notes: z.array(z.string()).parse(JSON.parse(row.notes)),
    findings: z.array(findingCountSchema).parse(JSON.parse(row.findings)),
  };
}
