// How the hub is: serving, serving with something amiss that a person should look at, or not serving.
import type { HubNews } from './hub-news.ts';
import { brokenLedgerText } from './ledger-watch.ts';

export interface HubHealth {
  take(news: HubNews): void;
  /** What is amiss, for a person; empty when all is well. */
  problems(now: { readonly freeBytes: number; readonly trunkBytes: number; readonly lagSeconds: number }): string[];
}

/** A failure inside is told for so long after it happened. */
const failureShownMs = 10 * 60 * 1_000;
/** A hub that answers later than this keeps sites waiting. */
const slowSeconds = 2;
/** A commit writes the trunk, the optimiser's state and the updates it waits for: so many times the trunk must be free, at least `freeBytes`. */
const wantedFree = { trunks: 8, bytes: 512 * 1024 * 1024 } as const;

export function openHubHealth(clock: () => number): HubHealth {
  let ledgerProblem: string | null = null;
  let commitFailure: string | null = null;
  let failure: { readonly at: number; readonly message: string } | null = null;
  return {
    take(news) {
      if (news.kind === 'ledger-broken') ledgerProblem = brokenLedgerText(news);
      if (news.kind === 'ledger-verified') ledgerProblem = null;
      if (news.kind === 'trunk-committed') commitFailure = null;
      if (news.kind === 'commit-failed') commitFailure = news.fault.message;
      if (news.kind === 'failed') failure = { at: clock(), message: news.fault.message };
    },
    problems({ freeBytes, trunkBytes, lagSeconds }) {
      const found: string[] = ledgerProblem === null ? [] : [ledgerProblem];
      if (commitFailure !== null) found.push(`the last trunk commit failed: ${commitFailure}`);
      if (failure !== null && clock() - failure.at < failureShownMs) found.push(`something failed: ${failure.message}`);
      const wanted = Math.max(wantedFree.bytes, wantedFree.trunks * trunkBytes);
      if (freeBytes < wanted) found.push(`the disk has only ${Math.floor(freeBytes / 1e6)} MB free`);
      if (lagSeconds > slowSeconds) found.push(`it answers ${lagSeconds.toFixed(1)} s late`);
      return found;
    },
  };
}
