// The hub's ledger while the hub runs: looked through whole at the start and once a day, and signed after that, every ten minutes and at
// the end. A ledger that was changed on the disk does not stop the hub: no training rests on it, and who can write to the disk could stop
// the hub anyway. It is told in the log, by /healthz, at the console and by each backup, and entered, so that the chain itself says it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { faultValueOf } from '../../contract/fault.ts';
import { checkpointEvery } from '../../ledger/checkpoint.ts';
import type { HubDatabase } from './hub-database.ts';
import type { HubLedger } from './hub-ledger.ts';
import type { HubNews } from './hub-news.ts';
import { countersignedHeads } from './ledger-heads.ts';

export interface LedgerWatch {
  /** Begins; sites are served meanwhile, whatever the ledger's length. */
  start(): void;
  /** Signs what was entered last. */
  close(): Promise<void>;
}

const verifyEveryMs = 24 * 60 * 60 * 1_000;

export function openLedgerWatch(order: {
  readonly db: HubDatabase;
  readonly ledger: HubLedger;
  readonly tell: (news: HubNews) => void;
}): LedgerWatch {
  const { db, ledger, tell } = order;
  const closing = new AbortController();
  let broken: number | null = null;
  let verifying: Promise<void> = Promise.resolve();
  let timers: NodeJS.Timeout[] = [];

  const guarded = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      if (thrown !== closing.signal.reason) tell({ kind: 'failed', site: what, fault: faultValueOf(thrown) });
    }
  };
  const verify = async (): Promise<void> => {
    const known = await countersignedHeads(db);
    const pause = async (): Promise<void> => {
      await nextTurn();
      closing.signal.throwIfAborted();
    };
    const { firstBroken, reason, entries } = await ledger.verify(known, pause);
    if (firstBroken === null || reason === null) return tell({ kind: 'ledger-verified', entries });
    tell({ kind: 'ledger-broken', firstBroken, reason });
    // Once for each place and start: the day after it is no news.
    if (firstBroken !== broken) await ledger.append('ledger-broken', { firstBroken, reason });
    broken = firstBroken;
  };
  const sign = (): Promise<void> => guarded('the ledger’s checkpoint', async () => void (await ledger.checkpoint()));
  const look = (): void => {
    verifying = guarded('the check of the ledger', verify).then(() => (closing.signal.aborted ? undefined : sign()));
  };

  return {
    start() {
      look();
      timers = [setInterval(() => void sign(), checkpointEvery.ms), setInterval(look, verifyEveryMs)];
      for (const timer of timers) timer.unref();
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      closing.abort();
      await verifying;
      await sign();
    },
  };
}

/** What a person is told of a ledger that was changed; a sentence without its end. */
export function brokenLedgerText({
  firstBroken,
  reason,
}: {
  readonly firstBroken: number;
  readonly reason: string;
}): string {
  return `its ledger is not as it was written, from entry ${firstBroken} on (${reason}): somebody or a broken disk changed the hub’s database; keep it as it is, and compare it with a backup (docs/ledger.md)`;
}
