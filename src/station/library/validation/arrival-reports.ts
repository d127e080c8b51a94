// What came over the network gets the report that an import gets: one for each sender, when nothing has come from it for a
// while. A station that is killed before loses the report, no instance.
import type { Db } from '../database.ts';
import { ImportTally } from '../import-tally.ts';
import type { Accepted } from '../instance-intake.ts';
import { beginImport, type RunningImport, saveImport } from './import-book.ts';

export interface ArrivalReports {
  /**
   * @param sender as the report names it: "Sent by MODALITY1"
   * @param sopInstanceUID of one that was refused
   */
  came(sender: string, accepted: Accepted, sopInstanceUID?: string): void;
  /** Writes the reports that are still open, of one sender or of all, and waits for what is being written. Never rejects; one that cannot be written stays open. */
  write(sender?: string): Promise<void>;
  close(): void;
}

export interface ArrivalReportsOptions {
  readonly db: Db;
  /** Resolves when all that arrived is indexed. */
  readonly flush: () => Promise<void>;
  readonly onReport: () => void;
  readonly quietMs?: number;
}

/** Between the associations of one study, many senders pause for some seconds. */
const defaultQuietMs = 20_000;
/** A sender that never pauses gets a report so often. */
const longestMs = 3_600_000;

interface OpenReport {
  tally: ImportTally;
  /** Null where the disk had no room for its row yet. */
  running: RunningImport | null;
  timer: NodeJS.Timeout;
}

export function openArrivalReports({
  db,
  flush,
  onReport,
  quietMs = defaultQuietMs,
}: ArrivalReportsOptions): ArrivalReports {
  const open = new Map<string, OpenReport>();
  let isClosed = false;
  /** Reports are written one after another. */
  let queue: Promise<void> = Promise.resolve();

  const later = (sender: string): NodeJS.Timeout => setTimeout(() => void write(sender), quietMs).unref();

  const begun = (sender: string, tally: ImportTally): RunningImport =>
    beginImport(db, tally, { paths: [sender], mode: 'received' });
  /** Its sender hears of a full disk where that counts: when the instance cannot be kept. */
  function tried(sender: string, tally: ImportTally): RunningImport | null {
    try {
      return begun(sender, tally);
    } catch {
      return null;
    }
  }

  function write(sender: string): Promise<void> {
    queue = queue.then(async () => {
      const report = open.get(sender);
      if (report === undefined || isClosed) return;
      clearTimeout(report.timer);
      open.delete(sender);
      try {
        await flush();
        if (isClosed) return;
        const { id } = (report.running ??= begun(sender, report.tally));
        await saveImport(db, id, report.tally, false);
        onReport();
      } catch {
        // A full disk, which its next instance tells the sender. Tried again, unless a new report has begun meanwhile.
        if (!open.has(sender) && !isClosed) open.set(sender, { ...report, timer: later(sender) });
      }
    });
    return queue;
  }

  return {
    came(sender, accepted, sopInstanceUID) {
      if (isClosed) return;
      const held = open.get(sender);
      const tally = held?.tally ?? new ImportTally(() => {});
      if (held === undefined) open.set(sender, { tally, running: tried(sender, tally), timer: later(sender) });
      else held.timer.refresh();
      tally.found += 1;
      if (accepted.kind === 'refused') {
        const subject = sopInstanceUID === undefined ? sender : `SOP Instance ${sopInstanceUID}`;
        tally.refuse(subject, accepted.reason, 'unreadable');
      } else {
        if (accepted.kind === 'imported') tally.imported += 1;
        else tally.duplicates += 1;
        if (accepted.kind === 'imported' && accepted.replaced !== undefined)
          tally.remark(
            { source: `SOP Instance ${accepted.sopInstanceUID}`, record: accepted },
            'replaced',
            accepted.replaced,
          );
        tally.place(accepted.studyInstanceUID, accepted.seriesInstanceUID);
      }
      open.get(sender)?.running?.note();
      if (Date.now() - tally.startedAtMs > longestMs) void write(sender);
    },
    async write(sender) {
      await Promise.all((sender === undefined ? [...open.keys()] : [sender]).map(write));
      // One that is being written is open no more, and not ended either.
      await queue;
    },
    close() {
      isClosed = true;
      for (const { timer } of open.values()) clearTimeout(timer);
    },
  };
}
