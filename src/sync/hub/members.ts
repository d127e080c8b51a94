// Who belongs to the federation. A member is a device key with a site's name that its holder signed.
import type { MemberRole } from '../../contract/federation.ts';
import type { AdmissionRequest } from '../protocol/handshake.ts';
import { fingerprintOf } from '../protocol/device-keys.ts';
import { wireFault } from '../protocol/faults.ts';
import type { Member } from '../protocol/messages.ts';
import { readSiteCard } from '../protocol/statement.ts';
import { hubFault } from './faults.ts';
import { recordEvent } from './event-log.ts';
import type { HubDatabase, HubStatements } from './hub-database.ts';
import type { EnterAct } from './hub-ledger.ts';
import { consumeInvite } from './invites.ts';
import { discardedVersion } from './update-rows.ts';

interface MemberRow {
  readonly fingerprint: string;
  readonly site: string;
  readonly publicKey: string;
  readonly cardStatement: string;
  readonly cardSignature: string;
  readonly state: 'member' | 'left' | 'revoked';
  readonly enrolledAt: string;
  readonly lastSeen: string | null;
  /** What the coordinator told a site that was revoked or expelled; one that left by itself has none. */
  readonly endedBecause: string | null;
  readonly role: MemberRole;
  /** Null also for those that were ended before there were more kinds than one for each state. */
  readonly endedKind: MembershipEnd['kind'] | null;
}

/**
 * How a coordinator ends a membership: a revoked device is barred for good; an expelled site may be invited again; so may a retired
 * one, of which nothing was amiss.
 */
export interface MembershipEnd {
  readonly kind: 'revoked' | 'expelled' | 'retired';
  /** Told to the site. */
  readonly because: string;
  /** What becomes of its updates that no commit has counted yet; `waitingUpdatesByDefault` where nothing is said. */
  readonly waitingUpdates?: WaitingUpdates | undefined;
}

/** Updates that were accepted and not committed when their site's membership ended: counted all the same, or thrown away. */
export const waitingUpdatesPolicies = ['count', 'discard'] as const;
export type WaitingUpdates = (typeof waitingUpdatesPolicies)[number];

/** A revoked key may be in other hands, and so may what it signed last. */
export const waitingUpdatesByDefault: Readonly<Record<MembershipEnd['kind'], WaitingUpdates>> = {
  revoked: 'discard',
  expelled: 'count',
  retired: 'count',
};

export interface ListedMember {
  readonly site: string;
  readonly fingerprint: string;
  readonly role: MemberRole;
  readonly state: 'member' | 'left' | MembershipEnd['kind'];
  readonly because: string | null;
  readonly enrolledAt: string;
  readonly lastSeen: string | null;
  /** Updates accepted from it; without those that were thrown away with its membership. */
  readonly updates: number;
}

export interface AdmittedSite {
  readonly fingerprint: string;
  readonly site: string;
  readonly publicKey: string;
  readonly role: MemberRole;
}

export type NamedMember = Member & { readonly site: string; readonly fingerprint: string };

export interface Members {
  /**
   * Lets a device in whose signature over the handshake has been checked: a member as it is, a new one by its invite.
   * @throws Fault 403 for a card that another key signed, 500–505 with the reason of refusal.
   */
  admit(request: AdmissionRequest): Promise<AdmittedSite>;
  list(online: ReadonlySet<string>): Promise<NamedMember[]>;
  /** One member as `list` has it; null when the device is none. */
  one(fingerprint: string, isOnline: boolean): Promise<NamedMember | null>;
  seen(fingerprint: string): Promise<void>;
  leave(fingerprint: string): Promise<void>;
  /** Ends a membership. @returns the member's fingerprint, or null when no member has this name. */
  end(site: string, end: MembershipEnd): Promise<string | null>;
  /** Everyone who ever belonged, in order of enrolment. */
  everyone(): Promise<readonly ListedMember[]>;
  isMember(fingerprint: string): Promise<boolean>;
  /** How many members there are. */
  count(): Promise<number>;
  /** Null when the device is no member. */
  roleOf(fingerprint: string): Promise<MemberRole | null>;
}

/** `answer`: the site's last to the present project; null without one. */
type CountedRow = MemberRow & { readonly updates: number; readonly answer: string | null };

const counted = `SELECT members.*, (SELECT count(*) FROM updates WHERE updates.site = members.fingerprint
    AND (members.state = 'member' OR discardedBecause IS NULL)) AS updates,
  (SELECT answer FROM answers JOIN settings ON answers.projectHash = settings.value
   WHERE settings.key = 'project' AND answers.site = members.fingerprint) AS answer FROM members`;

const byFingerprint = (db: HubStatements, fingerprint: string): Promise<MemberRow | undefined> =>
  db.get<MemberRow>('SELECT * FROM members WHERE fingerprint = ?', fingerprint);
const byName = (db: HubStatements, site: string): Promise<MemberRow | undefined> =>
  db.get<MemberRow>("SELECT * FROM members WHERE site = ? AND state = 'member'", site);

export function openMembers(db: HubDatabase, enter: EnterAct, clock: () => number): Members {
  const named = (row: CountedRow, online: boolean): NamedMember => ({
    site: row.site,
    fingerprint: row.fingerprint,
    card: { statement: row.cardStatement, signature: row.cardSignature },
    online,
    updates: row.updates,
    lastSeen: row.lastSeen,
    takesPart: row.role !== 'observer' && row.answer !== 'declined',
  });
  const now = (): string => new Date(clock()).toISOString();

  const enrol = (request: AdmissionRequest, code: string, card: Omit<AdmittedSite, 'role'>): Promise<void> =>
    db.transaction(async (tx) => {
      const known = await byFingerprint(tx, card.fingerprint);
      if (known?.state === 'revoked') throw hubFault.revoked(known.endedBecause);
      const namesake = await byName(tx, card.site);
      if (namesake !== undefined && namesake.fingerprint !== card.fingerprint) throw hubFault.nameTaken(card.site);
      const isMember = known?.state === 'member';
      const role = await consumeInvite(tx, code, { fingerprint: card.fingerprint, isMember }, clock());
      await tx.run(
        `INSERT INTO members VALUES (?, ?, ?, ?, ?, 'member', ?, NULL, NULL, ?, NULL) ON CONFLICT (fingerprint) DO UPDATE
         SET site = excluded.site, cardStatement = excluded.cardStatement, cardSignature = excluded.cardSignature,
           state = 'member', endedBecause = NULL, endedKind = NULL, role = excluded.role`,
        card.fingerprint,
        card.site,
        card.publicKey,
        request.card.statement,
        request.card.signature,
        now(),
        role,
      );
      if (!isMember) await enter(tx, 'site-enrolled', { site: card.site, device: card.fingerprint, role });
      await recordEvent(tx, 'member-changed', card.fingerprint);
    });

  return {
    async admit(request) {
      const card = readSiteCard(request.card);
      if (card.publicKey !== request.publicKey) throw wireFault.badSignature('site card');
      const admitted = { fingerprint: fingerprintOf(card.publicKey), site: card.site, publicKey: card.publicKey };
      if (request.inviteCode !== null) await enrol(request, request.inviteCode, admitted);
      const member = await byFingerprint(db, admitted.fingerprint);
      if (member?.state === 'revoked') throw hubFault.revoked(member.endedBecause);
      if (member?.state === 'left' && member.endedBecause !== null) {
        throw (member.endedKind === 'retired' ? hubFault.retired : hubFault.expelled)(member.endedBecause);
      }
      if (member?.state !== 'member') throw hubFault.notMember();
      return { ...admitted, site: member.site, role: member.role };
    },
    async list(online) {
      const rows = await db.all<CountedRow>(`${counted} WHERE state = 'member' ORDER BY enrolledAt, site LIMIT 1000`);
      return rows.map((row) => named(row, online.has(row.fingerprint)));
    },
    async one(fingerprint, isOnline) {
      const row = await db.get<CountedRow>(`${counted} WHERE state = 'member' AND fingerprint = ?`, fingerprint);
      return row === undefined ? null : named(row, isOnline);
    },
    async seen(fingerprint) {
      await db.run('UPDATE members SET lastSeen = ? WHERE fingerprint = ?', now(), fingerprint);
    },
    leave: (fingerprint) =>
      db.transaction(async (tx) => {
        const member = await byFingerprint(tx, fingerprint);
        if (member?.state !== 'member') return;
        await tx.run("UPDATE members SET state = 'left' WHERE fingerprint = ?", fingerprint);
        await enter(tx, 'site-left', { site: member.site, device: fingerprint });
        await recordEvent(tx, 'member-changed', fingerprint);
      }),
    end: (site, { kind, because, waitingUpdates = waitingUpdatesByDefault[kind] }) =>
      db.transaction(async (tx) => {
        const member = await byName(tx, site);
        if (member === undefined) return null;
        const state = kind === 'revoked' ? 'revoked' : 'left';
        const { fingerprint } = member;
        await tx.run(
          'UPDATE members SET state = ?, endedBecause = ?, endedKind = ? WHERE fingerprint = ?',
          state,
          because,
          kind,
          fingerprint,
        );
        await enter(tx, `site-${kind}`, { site, device: fingerprint, reason: because });
        await recordEvent(tx, 'member-changed', fingerprint);
        if (waitingUpdates === 'discard') {
          const updates = await tx.run(
            'UPDATE updates SET committedVersion = ?, discardedBecause = ? WHERE site = ? AND committedVersion IS NULL',
            discardedVersion,
            `The coordinator ended the membership${because === '' ? '' : `: ${because}`}.`,
            fingerprint,
          );
          if (updates > 0) await enter(tx, 'updates-discarded', { site, device: fingerprint, updates });
        }
        return fingerprint;
      }),
    async everyone() {
      const rows = await db.all<CountedRow>(`${counted} ORDER BY enrolledAt, site`);
      return rows.map(({ site, fingerprint, role, state, endedBecause, endedKind, enrolledAt, lastSeen, updates }) => ({
        site,
        fingerprint,
        role,
        state: endedKind ?? (state === 'left' && endedBecause !== null ? ('expelled' as const) : state),
        because: endedBecause,
        enrolledAt,
        lastSeen,
        updates,
      }));
    },
    isMember: async (fingerprint) => (await byFingerprint(db, fingerprint))?.state === 'member',
    count: async () => (await db.get<{ n: number }>("SELECT count(*) AS n FROM members WHERE state = 'member'"))!.n,
    async roleOf(fingerprint) {
      const member = await byFingerprint(db, fingerprint);
      return member?.state === 'member' ? member.role : null;
    },
  };
}
