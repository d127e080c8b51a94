// What a test run started and did not end. Such a process keeps the pipes that it was born with: whoever reads the run's output
// (a CI, a shell's pipe) would wait for it for ever.
import { readdirSync, readFileSync } from 'node:fs';

/** Name of the variable by which the processes of one test run know each other. */
export const runMark = 'IMAGIQ_TEST_RUN';

export interface LeftRunning {
  readonly pid: number;
  readonly command: string;
}

/**
 * Ends what is left of a test run: every process of the session that it led, and every process that carries its mark in its
 * environment. Linux only; elsewhere nothing is found.
 * @param session number of the process that led the run's session
 * @param mark value of {@link runMark} in that run
 */
export function endLeftRunning(session: number, mark: string): readonly LeftRunning[] {
  const left = processNumbers().filter(
    (pid) => pid !== process.pid && (sessionOf(pid) === session || isMarked(pid, mark)),
  );
  return left.flatMap((pid) => {
    const command = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    try {
      process.kill(pid, 'SIGKILL');
      // A process that has ended and waits to be reaped has no command line, and holds no pipe.
      return command === '' ? [] : [{ pid, command }];
    } catch {
      return [];
    }
  });
}

function processNumbers(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Field 6 of `/proc/PID/stat` (proc(5)); the command in field 2 may hold blanks and brackets, so the fields are counted behind it. */
function sessionOf(pid: number): number | undefined {
  const fields = readText(`/proc/${pid}/stat`).split(')').at(-1)?.trim().split(' ');
  return fields?.[3] === undefined ? undefined : Number(fields[3]);
}

function isMarked(pid: number, mark: string): boolean {
  return readText(`/proc/${pid}/environ`).split('\0').includes(`${runMark}=${mark}`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
