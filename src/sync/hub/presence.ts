// Which site is connected to which hub. One hub knows that by itself; several write it where all of them see it. A hub that died, or
// gives no sign of life, has no sites.
import { recordEvent } from './event-log.ts';
import type { HubDatabase } from './hub-database.ts';

export interface Presence {
  /** The site is connected here, and wherever it was before no more. */
  arrived(fingerprint: string): Promise<void>;
  departed(fingerprint: string): Promise<void>;
  /** Whether the site's newest connection is to another hub. */
  isElsewhere(fingerprint: string): Promise<boolean>;
  /** Sites that are connected to any hub. */
  online(): Promise<ReadonlySet<string>>;
  close(): Promise<void>;
}

const signOfLifeMs = 5_000;
/** A hub that said nothing for so long is taken for dead. */
const deadAfterMs = 20_000;

/** `here` are the sites that are connected to this hub. */
export async function openPresence(
  db: HubDatabase,
  here: () => ReadonlySet<string>,
  onFailed: (thrown: unknown) => void,
): Promise<Presence> {
  if (!db.isShared) {
    const nothing = async (): Promise<void> => {};
    return {
      arrived: nothing,
      departed: nothing,
      isElsewhere: async () => false,
      online: async () => here(),
      close: nothing,
    };
  }
  const own = db.process;

  /** Also ends the presence of hubs that died; one that only seemed to, says anew who is connected to it. */
  const giveSign = async (): Promise<void> => {
    const now = await db.now();
    await db.transaction(async (tx) => {
      const wasAlive = await tx.run('UPDATE hubs SET aliveAt = ? WHERE process = ?', now, own);
      if (wasAlive === 0) {
        await tx.run('INSERT INTO hubs VALUES (?, ?)', own, now);
        for (const fingerprint of here()) {
          await tx.run('INSERT INTO presence VALUES (?, ?) ON CONFLICT DO NOTHING', fingerprint, own);
          await recordEvent(tx, 'member-changed', fingerprint);
        }
      }
      await tx.run('DELETE FROM hubs WHERE aliveAt < ?', now - deadAfterMs);
      const gone = await tx.all<{ fingerprint: string }>(
        'DELETE FROM presence WHERE process NOT IN (SELECT process FROM hubs) RETURNING fingerprint',
      );
      for (const { fingerprint } of gone) await recordEvent(tx, 'member-changed', fingerprint);
    });
  };
  const leave = (): Promise<void> =>
    db.transaction(async (tx) => {
      const sites = await tx.all<{ fingerprint: string }>(
        'DELETE FROM presence WHERE process = ? RETURNING fingerprint',
        own,
      );
      for (const { fingerprint } of sites) await recordEvent(tx, 'member-changed', fingerprint);
      await tx.run('DELETE FROM hubs WHERE process = ?', own);
    });
  await giveSign();
  const timer = setInterval(() => void giveSign().catch(onFailed), signOfLifeMs).unref();

  return {
    arrived: (fingerprint) =>
      db.transaction(async (tx) => {
        await tx.run(
          'INSERT INTO presence VALUES (?, ?) ON CONFLICT (fingerprint) DO UPDATE SET process = excluded.process',
          fingerprint,
          own,
        );
        await recordEvent(tx, 'member-changed', fingerprint);
      }),
    departed: (fingerprint) =>
      db.transaction(async (tx) => {
        const left = await tx.run('DELETE FROM presence WHERE fingerprint = ? AND process = ?', fingerprint, own);
        if (left === 1) await recordEvent(tx, 'member-changed', fingerprint);
      }),
    async isElsewhere(fingerprint) {
      const row = await db.get<{ process: string }>('SELECT process FROM presence WHERE fingerprint = ?', fingerprint);
      return row !== undefined && row.process !== own;
    },
    async online() {
      const rows = await db.all<{ fingerprint: string }>('SELECT fingerprint FROM presence');
      return new Set(rows.map(({ fingerprint }) => fingerprint));
    },
    async close() {
      clearInterval(timer);
      // Where the database is away the others will take this hub for dead.
      await leave().catch(onFailed);
    },
  };
}
