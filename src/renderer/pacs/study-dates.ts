// Dates of a query: quick choices and ranges, as DICOM writes them (PS3.4 C.2.2.2.5).

export const dateChoices = [
  { name: 'any', label: 'Any date' },
  { name: 'today', label: 'Today' },
  { name: 'week', label: '7 days' },
  { name: 'month', label: '30 days' },
  { name: 'range', label: 'Range' },
] as const;
export type DateChoice = (typeof dateChoices)[number]['name'];

const daysBack = { today: 0, week: 6, month: 29 } as const;

/** StudyDate to ask for; `from` and `to` as date fields give them (YYYY-MM-DD), empty for open ends. */
export function studyDateOf(choice: DateChoice, { from, to, now }: { from: string; to: string; now: Date }): string {
  if (choice === 'any') return '';
  if (choice === 'range') {
    const [first, last] = [from.replaceAll('-', ''), to.replaceAll('-', '')];
    if (first === '' && last === '') return '';
    return first === last ? first : `${first}-${last}`;
  }
  const start = new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysBack[choice]);
  return choice === 'today' ? dicomDateOf(start) : `${dicomDateOf(start)}-${dicomDateOf(now)}`;
}

function dicomDateOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

/** What a person types is the beginning of a name; with a wildcard in it, it is taken as it stands. */
export function namePattern(typed: string): string {
  const text = typed.trim();
  return text === '' || /[*?]/.test(text) ? text : `${text}*`;
}

/** What a person types is a part of a description; with a wildcard in it, it is taken as it stands. */
export function containedPattern(typed: string): string {
  const text = typed.trim();
  return text === '' || /[*?]/.test(text) ? text : `*${text}*`;
}
