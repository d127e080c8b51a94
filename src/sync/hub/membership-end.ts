// The coordinator's acts on members from a second process (`imagiq members`), while the hub runs or not. A running hub notices within
// `noticeMs` and cuts the site off; whatever the site asks meanwhile is refused already, because every request looks into the same rows.
import { hubFault } from './faults.ts';
import { type HubDatabase, openHubDatabase, readSetting } from './hub-database.ts';
import { type ListedMember, openMembers, type MembershipEnd } from './members.ts';

/** How often a running hub looks whether another process changed its database. */
const noticeMs = 250;

/** Everyone who ever belonged, in order of enrolment. @throws Fault 522 when no hub was ever started there. */
export function listMembersIn(folder: string): readonly ListedMember[] {
  return withMembers(folder, (members) => members.everyone());
}

/**
 * Ends a site's membership. `revoked` bars its device for good; an `expelled` site may come back with a new invite.
 * @throws Fault 522 when no hub was ever started there, 527 when no member has this name.
 */
export function endMembershipIn(folder: string, site: string, end: MembershipEnd): ListedMember {
  return withMembers(folder, (members) => {
    const fingerprint = members.end(site, end);
    if (fingerprint === null) throw hubFault.unknownMember(site);
    return members.everyone().find((member) => member.fingerprint === fingerprint)!;
  });
}

/** Calls `onChange` soon after another process has written to the database; the result ends that. */
export function watchOtherProcesses(db: HubDatabase, onChange: () => void): () => void {
  // Changes by commits of other connections only.
  const version = (): unknown => db.pragma('data_version', { simple: true });
  let seen = version();
  const timer = setInterval(() => {
    const now = version();
    if (now === seen) return;
    seen = now;
    onChange();
  }, noticeMs).unref();
  return () => clearInterval(timer);
}

function withMembers<Value>(folder: string, act: (members: ReturnType<typeof openMembers>) => Value): Value {
  const db = openHubDatabase(folder, { mustExist: true });
  try {
    if (readSetting(db, 'url') === null) throw hubFault.noHubHere(folder);
    return act(openMembers(db, Date.now));
  } finally {
    db.close();
  }
}
