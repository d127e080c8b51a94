// What happened at any hub of the federation, in the order of the transactions: each change and its event are one transaction. Hubs
// follow the log; an event says what to look at, and the rows say how it stands, so an event taken twice or late does no harm.
import type { HubDatabase, HubStatements } from './hub-database.ts';

/** `subject` is a project's hash, a member's fingerprint, or the name of a masked buffer that ended. */
export interface HubEvent {
  readonly kind:
    | 'project-chosen'
    | 'trunk-committed'
    | 'update-accepted'
    | 'update-discarded'
    | 'member-changed'
    | 'model-published'
    | 'masked-buffer-changed'
    | 'masked-buffer-ended';
  readonly subject: string;
  /** Of a masked buffer that was given up: the fault, as JSON. */
  readonly detail: string | null;
  /** Made by this process. */
  readonly isOwn: boolean;
}

/** Longer than a hub can lag behind and still have a connection to a site. */
const keptMs = 7 * 24 * 60 * 60 * 1_000;
const eventsAtOnce = 500;
/**
 * An event that could not be taken, on a full disk for example, is given again after so long, and each time after twice as long: nothing
 * else may happen that would bring it back.
 */
const againMs = { first: 1_000, most: 60_000 };

/** Inside the transaction of the change. */
export async function recordEvent(
  tx: HubStatements,
  kind: HubEvent['kind'],
  subject: string,
  detail: string | null = null,
): Promise<void> {
  await tx.run(
    'INSERT INTO events (kind, subject, process, happenedAt, detail) VALUES (?, ?, ?, ?, ?)',
    kind,
    subject,
    tx.process,
    Date.now(),
    detail,
  );
}

/** Forgets events that every hub has seen. */
export async function trimEvents(db: HubDatabase): Promise<void> {
  await db.run('DELETE FROM events WHERE happenedAt < ?', (await db.now()) - keptMs);
}

/**
 * Gives `take` what happens from now on, in order and one at a time; an event that it fails on is given again. The result ends that and
 * resolves when the last is taken.
 */
export async function followEvents(
  db: HubDatabase,
  take: (event: HubEvent) => Promise<void>,
  onFailed: (thrown: unknown) => void,
): Promise<() => Promise<void>> {
  let last = (await db.get<{ last: number }>('SELECT coalesce(max(seq), 0) AS last FROM events'))!.last;
  let reading: Promise<void> | null = null;
  let isChanged = false;
  let isEnded = false;
  /** In a row: of the event that is next, or of reading the log. */
  let failures = 0;

  const read = async (): Promise<void> => {
    isChanged = false;
    const rows = await db.all<Omit<HubEvent, 'isOwn'> & { seq: number; process: string }>(
      `SELECT seq, kind, subject, detail, process FROM events WHERE seq > ? ORDER BY seq LIMIT ${eventsAtOnce}`,
      last,
    );
    for (const { seq, process, ...event } of rows) {
      if (isEnded) return;
      await take({ ...event, isOwn: process === db.process });
      last = seq;
      failures = 0;
    }
    failures = 0;
    if (isChanged || rows.length === eventsAtOnce) await read();
  };
  let again: NodeJS.Timeout | undefined;
  const look = (): void => {
    clearTimeout(again);
    isChanged = true;
    reading ??= read()
      .catch((thrown: unknown) => {
        onFailed(thrown);
        if (!isEnded) again = setTimeout(look, Math.min(againMs.first * 2 ** failures, againMs.most)).unref();
        failures += 1;
      })
      .finally(() => {
        reading = null;
      });
  };
  const endWatch = db.watch(look);
  return async () => {
    isEnded = true;
    endWatch();
    clearTimeout(again);
    await reading;
  };
}
