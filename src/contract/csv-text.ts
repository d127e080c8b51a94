// CSV after RFC 4180, for spreadsheets.

/** A head and its rows, each as long as the head. */
export function csvText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

/** Text that begins like a formula is data, and stays so in a spreadsheet: it comes from files and names of others. */
function quoted(cell: string | number): string {
  const text = String(cell);
  const isNumber = text !== '' && Number.isFinite(Number(text));
  const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
