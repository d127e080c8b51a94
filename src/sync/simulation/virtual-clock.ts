// A process in which time is imagined: the timers and the clock that hub and site code use are replaced, so that an hour passes as
// soon as everything due in it has been done. Files and databases stay real, and time stands still while they work.
// Only for a process of its own: the replacement is global and is not taken back.

/** 2026-01-01, where every simulation begins. */
const epochMs = Date.UTC(2026, 0, 1);
/** Turns of the event loop without anything pending after which the process counts as settled. */
const settledTurns = 2;

export interface VirtualClock {
  /** Virtual milliseconds since the start. */
  now(): number;
  /** Calls back at a virtual time; for whoever plays the network or the hospitals. */
  at(timeMs: number, act: () => void): void;
  sleep(ms: number): Promise<void>;
  /** Time stands still until the work is done: real training, for example. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass, one timer after the other, until `isOver` or the virtual time `untilMs`. @returns whether it was over. */
  run(isOver: () => boolean, untilMs: number): Promise<boolean>;
}

/** Of Node's timers as much as is used here. */
class VirtualTimer {
  dueAt: number;
  readonly order: number;
  readonly everyMs: number | null;
  readonly act: () => void;
  isCleared = false;
  constructor(dueAt: number, order: number, everyMs: number | null, act: () => void) {
    this.dueAt = dueAt;
    this.order = order;
    this.everyMs = everyMs;
    this.act = act;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

export function installVirtualClock(): VirtualClock {
  const realImmediate = setImmediate;
  const timers = openTimerHeap();
  let now = 0;
  let order = 0;
  let held = 0;
  let release = (): void => {};

  const add = (delayMs: number, everyMs: number | null, act: () => void): VirtualTimer => {
    const timer = new VirtualTimer(now + delayMs, order++, everyMs, act);
    timers.push(timer);
    return timer;
  };
  // As in Node: less than 1 ms counts as 1.
  const delayOf = (ms: unknown): number => Math.max(1, Number(ms) || 1);
  const replaced = {
    setTimeout: (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      add(delayOf(ms), null, () => act(...args)),
    setInterval: (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      add(delayOf(ms), delayOf(ms), () => act(...args)),
    clearTimeout: (timer: unknown) => {
      if (timer instanceof VirtualTimer) timer.isCleared = true;
    },
  };
  Object.assign(globalThis, { ...replaced, clearInterval: replaced.clearTimeout });
  Date.now = () => epochMs + Math.floor(now);

  /** Nothing is under way any more: no file, no thread, no immediate, no promise that could go on by itself. */
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < settledTurns;) {
      if (held > 0) await new Promise<void>((resolve) => (release = resolve));
      await new Promise<void>((resolve) => void realImmediate(resolve));
      const isBusy = held > 0 || process.getActiveResourcesInfo().some((one) => isUnderWay(one));
      quiet = isBusy ? 0 : quiet + 1;
    }
  };

  const clock: VirtualClock = {
    now: () => now,
    at: (timeMs, act) => void add(Math.max(0, timeMs - now), null, act),
    sleep: (ms) => new Promise((resolve) => void add(ms, null, resolve)),
    async hold(work) {
      held += 1;
      try {
        return await work;
      } finally {
        held -= 1;
        if (held === 0) release();
      }
    },
    async run(isOver, untilMs) {
      for (;;) {
        await settle();
        if (isOver()) return true;
        const next = timers.pop();
        if (next === null || next.dueAt > untilMs) return false;
        if (next.isCleared) continue;
        now = Math.max(now, next.dueAt);
        if (next.everyMs !== null) {
          next.dueAt = now + next.everyMs;
          timers.push(next);
        }
        next.act();
      }
    },
  };
  return clock;
}

/** Files that are read or written, and threads that keep the process alive because they are at work. */
const isUnderWay = (resource: string): boolean =>
  resource.startsWith('FSReq') || resource === 'CloseReq' || resource === 'MessagePort';

/** Earliest first; of one time the one that was set first. Cleared ones are dropped when they come up. */
function openTimerHeap(): { push(timer: VirtualTimer): void; pop(): VirtualTimer | null } {
  const heap: VirtualTimer[] = [];
  const isBefore = (a: VirtualTimer, b: VirtualTimer): boolean =>
    a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);
  return {
    push(timer) {
      let at = heap.length;
      heap.push(timer);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!isBefore(timer, heap[parent]!)) break;
        heap[at] = heap[parent]!;
        at = parent;
      }
      heap[at] = timer;
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return null;
      if (heap.length === 0) return first;
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
        if (!isBefore(heap[child]!, last)) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
      return first;
    },
  };
}
