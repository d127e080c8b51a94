// The coordinator's acts on members from a second process (`imagiq members`), while the hub runs or not. A running hub notices within
// a quarter of a second and cuts the site off; whatever the site asks meanwhile is refused already, because every request looks into the same rows.
import { hubFault } from './faults.ts';
import { openHubDatabase, readSetting } from './hub-database.ts';
import { openHubLedger } from './hub-ledger.ts';
import { type ListedMember, type Members, type MembershipEnd, openMembers } from './members.ts';

/** Everyone who ever belonged, in order of enrolment. @throws Fault 522 when no hub was ever started there. */
export function listMembersIn(folder: string): Promise<readonly ListedMember[]> {
  return withMembers(folder, (members) => members.everyone());
}

/**
 * Ends a site's membership. `revoked` bars its device for good; an `expelled` site may come back with a new invite.
 * @throws Fault 522 when no hub was ever started there, 527 when no member has this name.
 */
export function endMembershipIn(folder: string, site: string, end: MembershipEnd): Promise<ListedMember> {
  return withMembers(folder, async (members) => {
    const fingerprint = await members.end(site, end);
    if (fingerprint === null) throw hubFault.unknownMember(site);
    return (await members.everyone()).find((member) => member.fingerprint === fingerprint)!;
  });
}

async function withMembers<Value>(folder: string, act: (members: Members) => Promise<Value>): Promise<Value> {
  const db = await openHubDatabase(folder, { mustExist: true });
  try {
    if ((await readSetting(db, 'url')) === null) throw hubFault.noHubHere(folder);
    return await act(openMembers(db, openHubLedger(db, null, Date.now).enter, Date.now));
  } finally {
    await db.close();
  }
}
