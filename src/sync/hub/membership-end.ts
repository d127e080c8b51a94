// The coordinator's acts on members from a second process (`imagiq members`), while the hub runs or not. A running hub notices within
// a quarter of a second and cuts the site off; whatever the site asks meanwhile is refused already, because every request looks into the same rows.
import { hubFault } from './faults.ts';
import { openHubDatabase } from './hub-database.ts';
import { openHubLedger } from './hub-ledger.ts';
import { type ListedMember, type Members, type MembershipEnd, openMembers } from './members.ts';

/** Everyone who ever belonged, in order of enrolment. @throws Fault 522 or 543 when no hub was ever started there. */
export function listMembersIn(place: string): Promise<readonly ListedMember[]> {
  return withMembers(place, (members) => members.everyone());
}

/**
 * Ends a site's membership. `revoked` bars its device for good; an `expelled` site may come back with a new invite.
 * @throws Fault 522 or 543 when no hub was ever started there, 527 when no member has this name.
 */
export function endMembershipIn(place: string, site: string, end: MembershipEnd): Promise<ListedMember> {
  return withMembers(place, async (members) => {
    const fingerprint = await members.end(site, end);
    if (fingerprint === null) throw hubFault.unknownMember(site);
    return (await members.everyone()).find((member) => member.fingerprint === fingerprint)!;
  });
}

async function withMembers<Value>(place: string, act: (members: Members) => Promise<Value>): Promise<Value> {
  const db = await openHubDatabase(place, { mustExist: true });
  try {
    return await act(openMembers(db, openHubLedger(db, null, Date.now).enter, Date.now));
  } finally {
    await db.close();
  }
}
