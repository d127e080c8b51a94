// How far a long command has come, on stderr: one line that changes on a terminal, a line now and then elsewhere, as in a log, and nothing
// where JSON is asked for.
import type { Output } from './output.ts';

const terminalEveryMs = 200;
const logEveryMs = 10_000;

/** `line` is only asked for when it is shown: however often this is called. */
export function progressLines(output: Output): (line: () => string) => void {
  const everyMs = output.isTerminal ? terminalEveryMs : logEveryMs;
  let last = performance.now();
  return (line) => {
    if (output.isJson || performance.now() - last < everyMs) return;
    last = performance.now();
    if (output.isTerminal) output.progress(line());
    else output.log(line());
  };
}
