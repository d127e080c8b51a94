// How a membership's connection to its hub stands: what is shown of it, and when a person's order need not wait for it any more.
import type { ConnectionState } from './membership-view.ts';
import { within } from './within.ts';

/** A person's order waits for a connection that is just being made, but not for one that cannot be. */
const firstTryMs = 5_000;
/** The models that wait for this site come in the same breath as the members. */
const breathMs = 200;

export interface HubStanding {
  readonly connection: ConnectionState;
  /** Why it is offline; null while it is not. */
  readonly reason: string | null;
  /** The hub has said on this connection who its members are, and who is online. */
  readonly areMembersTold: boolean;
  enrols(): void;
  up(): void;
  down(reason: string): void;
  membersTold(): void;
  /** The site left: why the hub is away matters no more, and nothing waits for it. */
  over(): void;
  /** Resolves once the hub has been tried, with what it says first taken in, or after five seconds. */
  tried(): Promise<void>;
}

/** @param isMember whether the site still is one: an order of one that is none does not wait. */
export function openHubStanding(isMember: () => boolean): HubStanding {
  let connection: ConnectionState = 'connecting';
  let reason: string | null = null;
  let areMembersTold = false;
  /** What the hub says first after a welcome, its members last, has been taken in on this connection. */
  let isNewsTaken = false;
  let breath: NodeJS.Timeout | undefined;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
    waiting.clear();
  };
  return {
    get connection() {
      return connection;
    },
    get reason() {
      return reason;
    },
    get areMembersTold() {
      return areMembersTold;
    },
    enrols: () => void (connection = 'enrolling'),
    up() {
      connection = 'online';
      reason = null;
    },
    down(because) {
      connection = 'offline';
      reason = because;
      areMembersTold = false;
      isNewsTaken = false;
      clearTimeout(breath);
      wake();
    },
    membersTold() {
      areMembersTold = true;
      clearTimeout(breath);
      breath = setTimeout(() => {
        isNewsTaken = true;
        wake();
      }, breathMs);
      breath.unref();
    },
    over() {
      reason = null;
      wake();
    },
    async tried() {
      if (connection === 'offline' || isNewsTaken || !isMember()) return;
      await within(firstTryMs, new Promise<void>((resolve) => waiting.add(resolve)));
    },
  };
}
