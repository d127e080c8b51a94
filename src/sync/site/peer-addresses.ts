// Where the peers of one membership say that they listen, each by its own signed word, and what this site tells on.
import { Fault } from '../../contract/fault.ts';
import { wireLimits } from '../protocol/limits.ts';
import {
  type AddressStatement,
  parseStatement,
  readSiteCard,
  readStatement,
  type Signed,
} from '../protocol/statement.ts';
import type { MembershipDesk } from './membership-desk.ts';

export interface PeerAddresses {
  of(fingerprint: string): AddressStatement | null;
  /** This site's own and those of its peers. */
  told(): Signed[];
  /** Takes a device's word on its address. @returns whether it is news. */
  note(address: Signed): boolean;
}

export function openPeerAddresses(order: {
  readonly desk: MembershipDesk;
  readonly ownAddress: () => Signed | null;
  readonly isPeer: (fingerprint: string) => boolean;
}): PeerAddresses {
  const { desk, ownAddress, isPeer } = order;
  const { state, keys } = desk;
  const addresses: PeerAddresses = {
    of(fingerprint) {
      const signed = state.addresses[fingerprint];
      return signed === undefined ? null : parseStatement('address', signed.statement);
    },
    told() {
      const own = ownAddress();
      const others = Object.entries(state.addresses).filter(([fingerprint]) => isPeer(fingerprint));
      return [...(own === null ? [] : [own]), ...others.map(([, signed]) => signed)].slice(0, wireLimits.addresses);
    },
    note(signed) {
      try {
        const claimed = parseStatement('address', signed.statement);
        const card = state.cards[claimed.device];
        if (card === undefined || claimed.device === keys.fingerprint || claimed.hub !== state.hubFingerprint)
          return false;
        const known = addresses.of(claimed.device);
        if (known !== null && known.sequence >= claimed.sequence) return false;
        readStatement('address', signed, readSiteCard(card).publicKey);
        state.addresses[claimed.device] = signed;
        desk.membersChanged();
        return true;
      } catch (thrown) {
        if (thrown instanceof Fault) return false;
        throw thrown;
      }
    },
  };
  return addresses;
}
