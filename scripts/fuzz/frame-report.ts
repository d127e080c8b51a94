// What became of broken frames, counted.

export interface FrameFailure {
  readonly index: number;
  readonly against: string;
  readonly how: string;
  readonly what: string;
}

/** Of one end that was given broken frames. */
export interface FrameReport {
  readonly against: string;
  frames: number;
  /** Connections that were opened for them: most broken frames end theirs. */
  connections: number;
  /** By what followed: a fault's number, the code that the connection was closed with, an answer, or nothing. */
  readonly outcomes: Record<string, number>;
  readonly ways: Record<string, number>;
  /** Ends that died, and exceptions that were no faults. */
  crashes: number;
  /** Frames of which something was taken that nobody signed, or said with the right seal. */
  accepted: number;
  /** Frames after which the end did not answer a good one for 10 s. */
  hangs: number;
  /** From a frame's last byte to what followed, the answer to a good question behind it included. */
  slowestMs: number;
  slowest: string;
  rssStartMb: number;
  rssEndMb: number;
  rssPeakMb: number;
  seconds: number;
  readonly failures: FrameFailure[];
}

export function newFrameReport(against: string): FrameReport {
  return {
    against,
    frames: 0,
    connections: 0,
    outcomes: {},
    ways: {},
    crashes: 0,
    accepted: 0,
    hangs: 0,
    slowestMs: 0,
    slowest: '',
    rssStartMb: 0,
    rssEndMb: 0,
    rssPeakMb: 0,
    seconds: 0,
    failures: [],
  };
}

export function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

export function fail(report: FrameReport, kind: 'crashes' | 'accepted' | 'hangs', how: string, what: string): void {
  report[kind] += 1;
  if (report.failures.length < 50) report.failures.push({ index: report.frames, against: report.against, how, what });
}

export function took(report: FrameReport, how: readonly string[], ms: number): void {
  if (ms <= report.slowestMs) return;
  report.slowestMs = Math.round(ms);
  report.slowest = how.join(' + ');
}
