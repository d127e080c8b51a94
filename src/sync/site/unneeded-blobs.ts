// Bytes in a membership's folder that nothing names: of a transfer that was given up, or left by a kill between two steps.
import type { MembershipDesk } from './membership-desk.ts';

const sweepEveryMs = 24 * 60 * 60 * 1_000;

/**
 * Throws away those that are older than a day by the file system's clock, now and once a day. What cannot be looked at now is at the next
 * time. @returns ends it.
 */
export function sweepNowAndThen({ blobs, forget }: Pick<MembershipDesk, 'blobs' | 'forget'>): () => void {
  const sweep = (): void => {
    const before = Date.now() - sweepEveryMs;
    try {
      for (const hash of blobs.storedBefore(before)) forget(hash);
      blobs.dropUnfinishedBefore(before);
    } catch {
      // A disk that is away is told by the work that needs it.
    }
  };
  sweep();
  const timer = setInterval(sweep, sweepEveryMs).unref();
  return () => clearInterval(timer);
}
