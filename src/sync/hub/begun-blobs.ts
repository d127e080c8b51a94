// Which blobs each member has begun to bring and not offered: in this process's memory, or in rows where several hubs share a database, so
// that a member has no more at two hubs than at one.
import type { HubDatabase } from './hub-database.ts';

export interface BegunBlob {
  readonly hash: string;
  readonly bytes: number;
}

export interface BegunBlobs {
  /** Of a member, the oldest first. */
  of(member: string): Promise<readonly BegunBlob[]>;
  /** It is the newest from now on, and on its way. */
  add(member: string, blob: BegunBlob): Promise<void>;
  remove(member: string, hash: string): Promise<void>;
  /** Nothing of the member is on its way any more. */
  ended(member: string): Promise<void>;
  /** Whether any member is bringing it. */
  isOnItsWay(hash: string): Promise<boolean>;
  /** Forgets what was begun before (ms since 1970): its bytes are swept. */
  forgetBefore(at: number): Promise<void>;
}

/** Of one process: what was begun before it started has no owner. */
export function begunHere(): BegunBlobs {
  const begun = new Map<string, Map<string, { readonly bytes: number; isNow: boolean }>>();
  return {
    of: async (member) => [...(begun.get(member) ?? [])].map(([hash, { bytes }]) => ({ hash, bytes })),
    async add(member, { hash, bytes }) {
      const own = begun.get(member) ?? new Map<string, { readonly bytes: number; isNow: boolean }>();
      begun.set(member, own);
      own.delete(hash);
      own.set(hash, { bytes, isNow: true });
    },
    async remove(member, hash) {
      begun.get(member)?.delete(hash);
    },
    async ended(member) {
      for (const one of begun.get(member)?.values() ?? []) one.isNow = false;
    },
    isOnItsWay: async (hash) => [...begun.values()].some((own) => own.get(hash)?.isNow === true),
    // A member has a few, whenever they were begun.
    forgetBefore: async () => {},
  };
}

/** Of all processes of a database. */
export function begunInRows(db: HubDatabase): BegunBlobs {
  return {
    of: (member) => db.all<BegunBlob>('SELECT hash, bytes FROM begunBlobs WHERE member = ? ORDER BY number', member),
    add: async (member, { hash, bytes }) => {
      const at = Date.now();
      await db.transaction(async (tx) => {
        await tx.run('DELETE FROM begunBlobs WHERE member = ? AND hash = ?', member, hash);
        await tx.run(
          'INSERT INTO begunBlobs (member, hash, bytes, isNow, begunAt) VALUES (?, ?, ?, 1, ?)',
          member,
          hash,
          bytes,
          at,
        );
      });
    },
    remove: async (member, hash) => {
      await db.run('DELETE FROM begunBlobs WHERE member = ? AND hash = ?', member, hash);
    },
    ended: async (member) => {
      await db.run('UPDATE begunBlobs SET isNow = 0 WHERE member = ?', member);
    },
    isOnItsWay: async (hash) =>
      (await db.get('SELECT 1 FROM begunBlobs WHERE hash = ? AND isNow = 1 LIMIT 1', hash)) !== undefined,
    forgetBefore: async (at) => {
      await db.run('DELETE FROM begunBlobs WHERE begunAt < ?', at);
    },
  };
}
