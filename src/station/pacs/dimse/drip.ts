// Notices a peer that keeps an association for ever by sending a byte now and then: each of them resets the idle timer,
// and nothing is ever whole.

/** In one idle time; a modem brings thousands of times as much. */
const leastBytes = 4_096;

export interface Drip {
  came(bytes: number): void;
  /** A command or data set has come to its end. */
  wentOn(): void;
  close(): void;
}

/** Calls `onDrip` after two idle times on end in which too few bytes came and nothing came to its end. */
export function watchDrip(idleMs: number, onDrip: () => void): Drip {
  let bytes = 0;
  let hasGoneOn = false;
  let slowTimes = 0;
  const timer = setInterval(() => {
    // Where nothing comes at all, the idle timer ends it.
    const isSlow = bytes > 0 && bytes < leastBytes && !hasGoneOn;
    slowTimes = isSlow ? slowTimes + 1 : 0;
    bytes = 0;
    hasGoneOn = false;
    if (slowTimes >= 2) onDrip();
  }, idleMs).unref();
  return {
    came: (count) => void (bytes += count),
    wentOn: () => void (hasGoneOn = true),
    close: () => clearInterval(timer),
  };
}
