// Comma, semicolon or tab separated text as spreadsheets write it (RFC 4180 and its relatives).

export interface DelimitedTable {
  readonly columns: readonly string[];
  /** As many cells as there are columns; missing ones are empty, surplus ones are dropped. */
  readonly rows: readonly (readonly string[])[];
}

/** Decodes UTF-8 (with or without BOM), UTF-16 with BOM, and else Windows-1252, which spreadsheets still write. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Parses text whose first line names the columns. Cells are trimmed; blank lines are skipped. */
export function parseDelimitedText(text: string): DelimitedTable {
  const records = readRecords(text, separatorOf(text));
  const columns = (records[0] ?? []).map((cell) => cell.trim());
  const rows = records
    .slice(1)
    .filter((record) => record.some((cell) => cell.trim() !== ''))
    .map((record) => columns.map((_, index) => (record[index] ?? '').trim()));
  return { columns, rows };
}

/** The separator that occurs most often in the first line, outside of quotes. */
function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const firstLine = (end === -1 ? text : text.slice(0, end)).replace(/"[^"]*"/g, '');
  const count = (separator: string): number => firstLine.split(separator).length;
  return [',', ';', '\t'].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

function readRecords(text: string, separator: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let position = 0;
  while (position < text.length) {
    let cell: string;
    if (text[position] === '"') [cell, position] = readQuoted(text, position + 1);
    else cell = '';
    const start = position;
    while (position < text.length && !isBoundary(text[position], separator)) position += 1;
    record.push(cell + text.slice(start, position));
    if (text[position] === separator) {
      position += 1;
      if (position < text.length) continue;
      record.push('');
    }
    if (text[position] === '\r') position += 1;
    if (text[position] === '\n') position += 1;
    records.push(record);
    record = [];
  }
  return records;
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
