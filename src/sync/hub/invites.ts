// Invites: 256 random bits, kept as a hash only, good for one site and for a limited time.
import { createHash, randomBytes } from 'node:crypto';
import type { MemberRole } from '../../contract/federation.ts';
import { formatInvite } from '../protocol/invite-link.ts';
import { hubFault } from './faults.ts';
import { type HubDatabase, type HubStatements, openHubDatabase, readSetting } from './hub-database.ts';
import { type EnterAct, openHubLedger } from './hub-ledger.ts';

export interface InviteOrder {
  /** Shown to the invited site; the hub's own federation by default. */
  readonly federation?: string | undefined;
  readonly expiresInMs?: number | undefined;
  /** What the invited may do; a site by default. */
  readonly role?: MemberRole | undefined;
}

const oneWeekMs = 7 * 24 * 60 * 60 * 1000;

/** A new invite link `imagiq://join/…`. The code in it is stored nowhere. */
export async function createInvite(db: HubDatabase, enter: EnterAct, order: InviteOrder, now: number): Promise<string> {
  const url = await readSetting(db, 'url');
  const hubFingerprint = await readSetting(db, 'fingerprint');
  const federation = order.federation ?? (await readSetting(db, 'federation'));
  if (url === null || hubFingerprint === null || federation === null) throw new Error('the hub has never been started');
  const code = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now + (order.expiresInMs ?? oneWeekMs)).toISOString();
  const role = order.role ?? 'site';
  const codeHash = hashOfCode(code);
  const createdAt = new Date(now).toISOString();
  await db.transaction(async (tx) => {
    await tx.run(
      'INSERT INTO invites (codeHash, federation, createdAt, expiresAt, role) VALUES (?, ?, ?, ?, ?)',
      codeHash,
      federation,
      createdAt,
      expiresAt,
      role,
    );
    await enter(tx, 'invite-made', { federation, invite: codeHash, role, expiresAt });
  });
  return formatInvite({ version: 1, url, code, hubFingerprint, federation, expiresAt });
}

/** An invite from a second process, while the hub runs or not. @throws Fault 522 or 543 when no hub was ever started there. */
export async function createInviteIn(place: string, order: InviteOrder = {}): Promise<string> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    return await createInvite(db, openHubLedger(db, null, Date.now).enter, order, Date.now());
  } finally {
    await db.close();
  }
}

/** Invites as they stand, the latest first. */
export function listInvites(
  db: HubStatements,
  limit: number,
): Promise<
  { codeHash: string; createdAt: string; expiresAt: string; usedBy: string | null; withdrawnAt: string | null }[]
> {
  return db.all(
    'SELECT codeHash, createdAt, expiresAt, usedBy, withdrawnAt FROM invites ORDER BY createdAt DESC LIMIT ?',
    limit,
  );
}

/** Takes an invite back: whoever comes with it is told that the hub does not know it. @returns false when it is used, withdrawn or none. */
export function withdrawInvite(db: HubDatabase, enter: EnterAct, codeHash: string, now: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    const withdrawn = await tx.run(
      'UPDATE invites SET withdrawnAt = ? WHERE codeHash = ? AND usedBy IS NULL AND withdrawnAt IS NULL',
      new Date(now).toISOString(),
      codeHash,
    );
    if (withdrawn === 1) await enter(tx, 'invite-withdrawn', { invite: codeHash });
    return withdrawn === 1;
  });
}

/**
 * Marks an invite as used by a device; inside the transaction that makes the member. A device that is a member may come
 * back with the same code, because it may not have heard the first welcome; one that left needs a new one.
 * @returns the role that it gives. @throws Fault 500 unknown, 501 expired, 502 used.
 */
export async function consumeInvite(
  tx: HubStatements,
  code: string,
  device: { readonly fingerprint: string; readonly isMember: boolean },
  now: number,
): Promise<MemberRole> {
  const invite = await tx.get<{ expiresAt: string; usedBy: string | null; role: MemberRole }>(
    'SELECT expiresAt, usedBy, role FROM invites WHERE codeHash = ? AND withdrawnAt IS NULL',
    hashOfCode(code),
  );
  if (invite === undefined) throw hubFault.unknownInvite();
  if (invite.usedBy !== null && !(invite.usedBy === device.fingerprint && device.isMember)) throw hubFault.usedInvite();
  if (Date.parse(invite.expiresAt) <= now) throw hubFault.expiredInvite(invite.expiresAt);
  await tx.run('UPDATE invites SET usedBy = ? WHERE codeHash = ?', device.fingerprint, hashOfCode(code));
  return invite.role;
}

const hashOfCode = (code: string): string => createHash('sha256').update(`imagiq invite\n${code}`).digest('hex');
