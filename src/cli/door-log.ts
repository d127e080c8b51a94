// Refusals at a hub's door: whoever reaches it can make any number of them. The first of a minute have a line each, the others one together.
import type { HubNews } from '../sync/hub/hub.ts';

export type Refusal = Extract<HubNews, { kind: 'site-refused' }>;

/** Of one reason within a minute. */
const toldOneByOne = 10;
const windowMs = 60_000;

/** @param tell `others`: so many more like it there were; 0 for one that is told by itself. @returns takes one refusal */
export function openDoorLog(tell: (refusal: Refusal, others: number) => void): (refusal: Refusal) => void {
  const windows = new Map<number, { count: number; last: Refusal }>();
  return (refusal) => {
    const { code } = refusal.fault;
    const window = windows.get(code);
    if (window !== undefined) {
      window.count += 1;
      window.last = refusal;
    } else {
      const opened = { count: 1, last: refusal };
      windows.set(code, opened);
      setTimeout(() => {
        windows.delete(code);
        const others = opened.count - toldOneByOne;
        if (others > 0) tell(opened.last, others);
      }, windowMs).unref();
    }
    if ((window?.count ?? 1) <= toldOneByOne) tell(refusal, 0);
  };
}
