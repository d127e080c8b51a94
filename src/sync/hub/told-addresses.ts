// Where the members say that their peers reach them: signed by them, passed on as it is by whichever hub process, and told anew by every site
// when it connects.
import type { Member } from '../protocol/messages.ts';
import { wireLimits } from '../protocol/limits.ts';
import { readStatement, type Signed } from '../protocol/statement.ts';
import type { HubDatabase } from './hub-database.ts';
import type { AdmittedSite, NamedMember } from './members.ts';

export interface ToldAddresses {
  /** Keeps a member's word on its own address; anything else is ignored. */
  take(site: AdmittedSite, address: Signed | null): Promise<void>;
  forget(fingerprint: string): Promise<void>;
  /** Members as their peers hear of them. Of a long list only the first addresses are told: the message has to fit a frame. */
  shown(members: readonly NamedMember[]): Promise<Member[]>;
}

export function openToldAddresses(db: HubDatabase, hubFingerprint: string): ToldAddresses {
  const isOwnWord = (site: AdmittedSite, address: Signed): boolean => {
    try {
      const { hub, device } = readStatement('address', address, site.publicKey);
      return hub === hubFingerprint && device === site.fingerprint;
    } catch {
      // Nobody's word: the site is served all the same.
      return false;
    }
  };
  return {
    async take(site, address) {
      if (address === null || !isOwnWord(site, address)) return;
      await db.run(
        `INSERT INTO addresses (fingerprint, statement, signature) VALUES (?, ?, ?) ON CONFLICT (fingerprint)
         DO UPDATE SET statement = excluded.statement, signature = excluded.signature
         WHERE addresses.statement <> excluded.statement`,
        site.fingerprint,
        address.statement,
        address.signature,
      );
    },
    async forget(fingerprint) {
      await db.run('DELETE FROM addresses WHERE fingerprint = ?', fingerprint);
    },
    async shown(members) {
      const rows = await db.all<Signed & { fingerprint: string }>('SELECT * FROM addresses');
      const addresses = new Map(rows.map(({ fingerprint, ...address }) => [fingerprint, address]));
      let told = 0;
      return members.map(({ fingerprint, card, online, updates, lastSeen, takesPart }) => {
        const address = addresses.get(fingerprint);
        if (address !== undefined) told += 1;
        const isTold = address !== undefined && told <= wireLimits.addresses;
        return {
          card,
          online,
          updates,
          lastSeen,
          ...(takesPart === false && { takesPart }),
          ...(isTold && { address }),
        };
      });
    },
  };
}
