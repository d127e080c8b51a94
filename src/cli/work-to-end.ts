// What `run` and `join --wait` do: keep the station at work until nothing is left to do, and tell it line by line.
import { setTimeout as delay } from 'node:timers/promises';
import { hasMissedProject, type Membership } from '../contract/federation.ts';
import type { Output } from './output.ts';
import type { StationLink } from './station-link.ts';
import { workTold } from './work-told.ts';

/** States in which a membership has nothing more to do. */
const ended: readonly Membership['state'][] = ['finished', 'refused', 'left'];
const hasEnded = (membership: Membership): boolean => ended.includes(membership.state) || hasMissedProject(membership);
/** How long a site stays, by default, for peers that have not fetched what it made last. */
export const stayMinutes = 10;
/** News wakes at once; the delay is only a net under missed news. */
const lookEveryMs = 1_000;
/** Names in a line. */
const namedPeers = 5;

export const isHeld = ({ leakProbe }: Membership): boolean => leakProbe?.isHeld ?? false;

/**
 * Keeps the station working until every named federation has nothing more to do or waits for a person, or until Ctrl+C. Where the hub keeps
 * no trunk, peers fetch from this site: one that has ended stays until they have what it made, `stayMinutes` at most.
 */
export async function workToEnd(
  station: StationLink,
  federations: readonly string[],
  output: Output,
  options: {
    /** Nobody is asked about what the leak probe found. */
    readonly sendAnyway?: boolean;
    readonly stayMinutes: number;
  },
): Promise<Membership[]> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const toldOf = workTold();
  const log = output.isJson ? (): void => {} : output.log;
  const wake: { now: () => void } = { now: () => {} };
  const silence = station.listen('membership-changed', (membership) => {
    if (federations.includes(membership.federation)) toldOf(membership).forEach(log);
    wake.now();
  });
  let stayingSince: number | null = null;
  /** Said once, though a peer's model that is measured meanwhile is work for a moment. */
  const said = new Set<string>();
  const once = (line: string): void => {
    if (!said.has(line)) log(line);
    said.add(line);
  };
  /** Those that an earlier command told of: a person knows what the probe found there. */
  let heldBefore: Set<string> | null = null;
  try {
    for (;;) {
      const { memberships } = await station.call('memberships', {});
      const mine = memberships.filter(({ federation }) => federations.includes(federation));
      const held = mine.filter(isHeld);
      heldBefore ??= new Set(held.map(({ federation }) => federation));
      if (options.sendAnyway === true)
        for (const { federation } of held)
          await station.call('accept-leak', { federation, isBeforehand: !heldBefore.has(federation) });
      const isOver =
        mine.every(hasEnded) || (options.sendAnyway !== true && mine.every((one) => isHeld(one) || hasEnded(one)));
      if (stop.signal.aborted) return mine;
      if (isOver) {
        const waiting = mine.filter(({ state, undelivered }) => state === 'finished' && undelivered.length > 0);
        const stayed = stayingSince === null ? 0 : performance.now() - stayingSince;
        const isLate = stayed >= options.stayMinutes * 60_000;
        if (waiting.length === 0 && said.size > 0) log('All peers have the model.');
        if (waiting.length > 0 && isLate) for (const one of waiting) log(leavingText(one));
        if (waiting.length === 0 || isLate) return mine;
        if (stayingSince === null) for (const one of waiting) once(stayingText(one, options.stayMinutes));
        stayingSince ??= performance.now();
      } else stayingSince = null;
      await Promise.race([
        new Promise<void>((resolve) => (wake.now = resolve)),
        delay(lookEveryMs, undefined, { signal: stop.signal }).catch(() => {}),
      ]);
    }
  } finally {
    silence();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

const stayingText = ({ federation, undelivered }: Membership, minutes: number): string =>
  `${federation}: finished here. It stays reachable until ${named(undelivered)} fetched the last model, ${minutes} minutes at most (--stay-minutes; Ctrl+C ends it).`;

const leavingText = ({ federation, undelivered }: Membership): string =>
  `${federation}: ${named(undelivered)} not fetched the last model. Run \`imagiq run\` again, or open the app, when they or the hub can be reached.`;

function named(sites: readonly string[]): string {
  const more = sites.length - namedPeers;
  const names = more > 0 ? [...sites.slice(0, namedPeers), `${more} more`] : sites;
  return `${names.join(', ')} ${sites.length === 1 ? 'has' : 'have'}`;
}
