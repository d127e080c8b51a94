// Where the members say that their peers reach them: signed by them, passed on as it is, forgotten with the process, since every site
// tells it anew when it connects.
import type { Member } from '../protocol/messages.ts';
import { wireLimits } from '../protocol/limits.ts';
import { readStatement, type Signed } from '../protocol/statement.ts';
import type { AdmittedSite, NamedMember } from './members.ts';

export interface ToldAddresses {
  /** Keeps a member's word on its own address; anything else is ignored. */
  take(site: AdmittedSite, address: Signed | null): void;
  forget(fingerprint: string): void;
  /** A member as its peers hear of it. */
  shown(member: NamedMember): Member;
  /** Of a long list only the first addresses are told: the message has to fit a frame. */
  allShown(members: readonly NamedMember[]): Member[];
}

export function openToldAddresses(hubFingerprint: string): ToldAddresses {
  const addresses = new Map<string, Signed>();
  const withAddress = (member: NamedMember, address: Signed | null): Member => {
    const { card, online, updates, lastSeen } = member;
    return { card, online, updates, lastSeen, ...(address === null ? {} : { address }) };
  };
  const addressOf = ({ fingerprint }: NamedMember): Signed | null => addresses.get(fingerprint) ?? null;
  return {
    take(site, address) {
      if (address === null) return;
      try {
        const { hub, device } = readStatement('address', address, site.publicKey);
        if (hub === hubFingerprint && device === site.fingerprint) addresses.set(site.fingerprint, address);
      } catch {
        // Nobody's word: the site is served all the same.
      }
    },
    forget: (fingerprint) => addresses.delete(fingerprint),
    shown: (member) => withAddress(member, addressOf(member)),
    allShown(members) {
      let told = 0;
      return members.map((member) => {
        const address = addressOf(member);
        if (address !== null) told += 1;
        return withAddress(member, told > wireLimits.addresses ? null : address);
      });
    },
  };
}
