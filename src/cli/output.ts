// What the command line says and how it ends: with --json one document on stdout, everything else on stderr.
import { faultValueOf } from '../contract/fault.ts';

/** Exit codes: 0 done, 1 failed with a reason, 2 wrong use. */
export const exitCode = { done: 0, failed: 1, wrongUse: 2 } as const;

export interface Output {
  readonly isJson: boolean;
  /** Whether stderr is read as it comes. */
  readonly isTerminal: boolean;
  /** The command's result, exactly once: JSON on stdout with --json, else the text that `format` makes of it. */
  result(value: unknown, format: () => string): void;
  /** Text in a format of its own (CSV, HTML), on stdout: exact, but for what would steer a terminal. */
  document(value: unknown, text: string): void;
  /** A line for the person watching; stderr. */
  log(line: string): void;
  /** A line that replaces the one before it on a terminal; nothing where stderr is no terminal. */
  progress(line: string): void;
}

export function outputTo(isJson: boolean, stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Output {
  let hasProgress = false;
  const clear = (): void => {
    if (hasProgress) stderr.write('\r\u001B[2K');
    hasProgress = false;
  };
  return {
    isJson,
    isTerminal: stderr.isTTY,
    result(value, format) {
      clear();
      stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${visible(format())}\n`);
    },
    document(value, text) {
      clear();
      if (isJson) stdout.write(`${JSON.stringify(value)}\n`);
      else stdout.write(`${stdout.isTTY ? visible(text) : text}\n`);
    },
    log(line) {
      clear();
      stderr.write(`${visible(line)}\n`);
    },
    progress(line) {
      if (!stderr.isTTY) return;
      clear();
      stderr.write(inLine(line).slice(0, (stderr.columns ?? 80) - 1));
      hasProgress = true;
    },
  };
}

/**
 * Names of files and patients may hold anything: characters that steer a terminal, or turn the direction of text, are written as
 * their numbers. Line ends and tabs stay.
 */
const visible = (text: string): string => text.replace(/[^\P{Cc}\n\t]|[\u202A-\u202E\u2066-\u2069]/gu, escaped);

/** As `visible`, of a text that is to stay in its line. */
export const inLine = (text: string): string => visible(text).replace(/[\n\t]/g, escaped);

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

/** Tells a failure: `{fault}` on stdout with --json, the sentence on stderr without. */
export function tellFailure(output: Output, thrown: unknown): void {
  const fault = faultValueOf(thrown);
  if (output.isJson) output.result({ fault }, () => '');
  else output.log(`imagiq: ${fault.message}`);
  if (process.env['IMAGIQ_DEBUG'] && thrown instanceof Error) console.error(thrown);
}

/**
 * Lines up cells in columns; numbers to the right.
 * @param ifNone in the place of a header without rows
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  ifNone: string | null = null,
): string {
  if (rows.length === 0 && ifNone !== null) return ifNone;
  const cells = [header, ...rows.map((row) => row.map((cell) => inLine(String(cell))))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1 file`, `2 files`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}

/** A label for a table: labels may join the names of many segments. */
export function shortened(label: string): string {
  return label.length > 60 ? `${label.slice(0, 59)}…` : label;
}
