// What happened at any hub of the federation, in the order of the transactions: each change and its event are one transaction. Hubs
// follow the log; an event says what to look at, and the rows say how it stands, so an event taken twice or late does no harm.
import type { HubDatabase, HubStatements } from './hub-database.ts';

/** `subject` is a project's hash, or a member's fingerprint. */
export interface HubEvent {
  readonly kind: 'project-chosen' | 'trunk-committed' | 'update-accepted' | 'member-changed' | 'model-published';
  readonly subject: string;
  /** Made by this process. */
  readonly isOwn: boolean;
}

/** Longer than a hub can lag behind and still have a connection to a site. */
const keptMs = 7 * 24 * 60 * 60 * 1_000;
const eventsAtOnce = 500;

/** Inside the transaction of the change. */
export async function recordEvent(tx: HubStatements, kind: HubEvent['kind'], subject: string): Promise<void> {
  await tx.run(
    'INSERT INTO events (kind, subject, process, happenedAt) VALUES (?, ?, ?, ?)',
    kind,
    subject,
    tx.process,
    Date.now(),
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

  const read = async (): Promise<void> => {
    isChanged = false;
    const rows = await db.all<{ seq: number; kind: HubEvent['kind']; subject: string; process: string }>(
      `SELECT seq, kind, subject, process FROM events WHERE seq > ? ORDER BY seq LIMIT ${eventsAtOnce}`,
      last,
    );
    for (const { seq, kind, subject, process } of rows) {
      if (isEnded) return;
      await take({ kind, subject, isOwn: process === db.process });
      last = seq;
    }
    if (isChanged || rows.length === eventsAtOnce) await read();
  };
  const endWatch = db.watch(() => {
    isChanged = true;
    reading ??= read()
      .catch(onFailed)
      .finally(() => {
        reading = null;
      });
  });
  return async () => {
    isEnded = true;
    endWatch();
    await reading;
  };
}
