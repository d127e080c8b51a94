// Who is a member, who is there and what it sent, told to every connected site: whole after its welcome, then what changes.
import type { FromHub, Member } from '../protocol/messages.ts';
import { wireLimits } from '../protocol/limits.ts';
import type { Members, NamedMember } from './members.ts';
import type { ToldAddresses } from './told-addresses.ts';

/** Each telling is a message to every connected site: so many a second at most, all sites together. */
const messagesPerSecond = 100;
/** With few sites it is told no more often than this. */
const leastPauseMs = 100;

export interface MemberNews {
  /** Something of a member that all are told changed. Changes of one moment are one message to each site. */
  changed(fingerprint: string): void;
  /** Tells at once what changed. */
  tellNow(): Promise<void>;
  /** All members, in messages that each fit. */
  everyone(): Promise<FromHub[]>;
  close(): void;
}

export function openMemberNews(order: {
  readonly members: Pick<Members, 'list' | 'one'>;
  readonly addresses: Pick<ToldAddresses, 'shown'>;
  readonly online: () => Promise<ReadonlySet<string>>;
  /** How many sites a message to all of them goes to now. */
  readonly listeners: () => number;
  readonly broadcast: (message: FromHub) => void;
  readonly onFailed: (thrown: unknown) => void;
}): MemberNews {
  const { members, addresses, broadcast } = order;
  const changedMembers = new Set<string>();
  let telling: NodeJS.Timeout | null = null;
  let isClosed = false;

  const tellNow = async (): Promise<void> => {
    const changed: NamedMember[] = [];
    const gone: string[] = [];
    const fingerprints = [...changedMembers];
    changedMembers.clear();
    const online = await order.online();
    for (const fingerprint of fingerprints) {
      const member = await members.one(fingerprint, online.has(fingerprint));
      if (member === null) gone.push(fingerprint);
      else changed.push(member);
    }
    const [first = [], ...others] = listsThatFit(await addresses.shown(changed));
    broadcast({ kind: 'members-updated', changed: first, gone });
    for (const more of others) broadcast({ kind: 'members-updated', changed: more, gone: [] });
  };

  return {
    changed(fingerprint) {
      if (isClosed) return;
      changedMembers.add(fingerprint);
      telling ??= setTimeout(
        () => {
          telling = null;
          void tellNow().catch(order.onFailed);
        },
        Math.max(leastPauseMs, (1_000 * order.listeners()) / messagesPerSecond),
      );
    },
    tellNow,
    async everyone() {
      const listed = await members.list(await order.online());
      const [first = [], ...others] = listsThatFit(await addresses.shown(listed));
      return [
        { kind: 'members-changed', members: first },
        ...others.map((changed) => ({ kind: 'members-updated' as const, changed, gone: [] })),
      ];
    },
    close() {
      isClosed = true;
      if (telling !== null) clearTimeout(telling);
    },
  };
}

/** A list of members in parts that each fit into a message: at most twice what is signed, where all of it had to be escaped, and a little. */
function listsThatFit(listed: readonly Member[]): Member[][] {
  const lists: Member[][] = [];
  let room = 0;
  for (const member of listed) {
    const bytes = 2 * (member.card.statement.length + (member.address?.statement.length ?? 0)) + 512;
    if (lists.length === 0 || bytes > room) {
      lists.push([]);
      room = wireLimits.listBytes;
    }
    lists.at(-1)!.push(member);
    room -= bytes;
  }
  return lists;
}
