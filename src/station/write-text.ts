// A text that a person wants as a file, at a place that the person chose.
import type { Fault } from '../contract/fault.ts';
import { writeFileDurably } from './home/durable-file.ts';

/** @throws what `notWritten` makes of the system's code */
export function writeText(
  file: string,
  text: string,
  notWritten: (code: string) => Fault,
): { file: string; bytes: number } {
  try {
    writeFileDurably(file, text);
  } catch (error) {
    throw notWritten(error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
  }
  return { file, bytes: Buffer.byteLength(text) };
}
