// Free search over studies: which words a study has, and what a typed text asks for.

/** The words of a study. Person names are cut at their delimiters by the tokeniser, in every component group. */
export function studyWords(study: Record<string, string>, seriesDescriptions: readonly string[]): string {
  const { patientID, patientName, patientBirthDate, studyDate, description, accessionNumber, modalities } = study;
  const fields = [patientID, patientName, patientBirthDate, studyDate, description, accessionNumber, modalities];
  return [...fields, ...seriesDescriptions].join('\n').slice(0, 20_000);
}

export interface TypedQuery {
  /** An FTS5 expression, null where the text has no words. */
  readonly match: string | null;
  /** Beginnings of UIDs. */
  readonly uids: readonly string[];
}

/** All words must match, each as a prefix; what looks like a UID is looked up as one. */
export function typedQuery(text: string): TypedQuery {
  const typed = text
    .normalize('NFC')
    .split(/\s+/)
    .filter((word) => word !== '');
  const uids = typed.filter((word) => /^\d+\.[\d.]{2,}$/.test(word));
  const words = typed.filter((word) => !uids.includes(word) && /[\p{L}\p{N}]/u.test(word));
  const match = words.map((word) => `"${word.replaceAll('"', '""')}"*`).join(' AND ');
  return { match: match === '' ? null : match, uids };
}
