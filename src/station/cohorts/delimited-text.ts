// Comma, semicolon or tab separated text as spreadsheets write it (RFC 4180 and its relatives).
import { closeSync, openSync, readSync } from 'node:fs';

export interface DelimitedTable {
  readonly columns: readonly string[];
  /** As many cells as there are columns; missing ones are empty, surplus ones are dropped. */
  readonly rows: readonly (readonly string[])[];
}

/** Of a file, read at once. */
const pieceBytes = 2 ** 16;

/** Decodes UTF-8 (with or without BOM), UTF-16 with BOM, and else Windows-1252, which spreadsheets still write. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf([bytes])).decode(bytes);
}

/** The text of a file in pieces, decoded as by `decodeText`. @throws what reading throws */
export function* textPieces(file: string): Generator<string> {
  const decoder = new TextDecoder(encodingOf(bytePieces(file)));
  for (const bytes of bytePieces(file)) yield decoder.decode(bytes, { stream: true });
  yield decoder.decode();
}

/** Each piece is written over by the next one. */
function* bytePieces(file: string): Generator<Uint8Array> {
  const handle = openSync(file, 'r');
  try {
    const bytes = new Uint8Array(pieceBytes);
    for (let read = readSync(handle, bytes); read > 0; read = readSync(handle, bytes)) yield bytes.subarray(0, read);
  } finally {
    closeSync(handle);
  }
}

function encodingOf(pieces: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isFirst = true;
  try {
    for (const bytes of pieces) {
      if (isFirst && bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
      if (isFirst && bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
      isFirst = false;
      decoder.decode(bytes, { stream: true });
    }
    decoder.decode();
    return 'utf-8';
  } catch (error) {
    if (error instanceof TypeError) return 'windows-1252';
    throw error;
  }
}

/** Parses text whose first line names the columns. Cells are trimmed; blank lines are skipped. */
export function parseDelimitedText(text: string): DelimitedTable {
  const [columns = [], ...rows] = delimitedRows([text]);
  return { columns, rows };
}

/** As `parseDelimitedText`, of text in pieces: the columns, then row after row; nothing of text that is empty. */
export function* delimitedRows(pieces: Iterable<string>): Generator<readonly string[]> {
  let columns: readonly string[] | null = null;
  for (const record of delimitedRecords(pieces)) {
    if (columns === null) yield (columns = record.map((cell) => cell.trim()));
    else if (record.some((cell) => cell.trim() !== '')) yield columns.map((_, index) => (record[index] ?? '').trim());
  }
}

/** The separator that occurs most often in the first line, outside of quotes. */
function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const firstLine = (end === -1 ? text : text.slice(0, end)).replace(/"[^"]*"/g, '');
  const count = (separator: string): number => firstLine.split(separator).length;
  return [',', ';', '\t'].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

function* delimitedRecords(pieces: Iterable<string>): Generator<string[]> {
  let separator: string | null = null;
  /** What is not parsed yet: it begins with a record. */
  let text = '';
  /** Text as long as this did not hold its first record whole: to look again at each piece would take a square of the time. */
  let tooShort = 0;
  /** Looked for in each piece once: text without any is not gone through again and again. */
  let hasLineEnd = false;
  for (const piece of pieces) {
    text += piece;
    hasLineEnd ||= /[\r\n]/.test(piece);
    if (!hasLineEnd || text.length < 2 * tooShort) continue;
    separator ??= separatorOf(text);
    let position = 0;
    for (;;) {
      const { cells, end } = readRecord(text, position, separator);
      // One that reaches the end may go on in the next piece, if only by the second half of a line's end or of a quote.
      if (end >= text.length) break;
      yield cells;
      position = end;
    }
    tooShort = position === 0 ? text.length : 0;
    text = text.slice(position);
  }
  separator ??= separatorOf(text);
  for (let position = 0; position < text.length;) {
    const { cells, end } = readRecord(text, position, separator);
    yield cells;
    position = end;
  }
}

/** One record from `start`, and where the next one begins. */
function readRecord(text: string, start: number, separator: string): { cells: string[]; end: number } {
  const cells: string[] = [];
  let position = start;
  while (position < text.length) {
    let cell = '';
    if (text[position] === '"') [cell, position] = readQuoted(text, position + 1);
    const from = position;
    while (position < text.length && !isBoundary(text[position], separator)) position += 1;
    cells.push(cell + text.slice(from, position));
    if (text[position] === separator) {
      position += 1;
      if (position < text.length) continue;
      cells.push('');
    }
    if (text[position] === '\r') position += 1;
    if (text[position] === '\n') position += 1;
    return { cells, end: position };
  }
  return { cells, end: position };
}

function isBoundary(character: string | undefined, separator: string): boolean {
  return character === separator || character === '\n' || character === '\r';
}

/** Reads to the closing quote; a doubled quote stands for one. An unclosed quote runs to the end. */
function readQuoted(text: string, start: number): [string, number] {
  let cell = '';
  let position = start;
  for (;;) {
    const quote = text.indexOf('"', position);
    if (quote === -1) return [cell + text.slice(position), text.length];
    cell += text.slice(position, quote);
    if (text[quote + 1] !== '"') return [cell, quote + 1];
    cell += '"';
    position = quote + 2;
  }
}
