// Which group each patient of a cohort belongs to, from the headers in the library: no data set holds any of it.
// A patient with images of several scanners counts to that of the first.
import type { GroupKind } from '../../contract/metrics.ts';
import type { EvaluateOrder } from '../../contract/training.ts';
import type { HeaderElement } from '../library/header-list.ts';

/** Groups in the order of their names. @param images one image of each patient, by patient number */
export async function patientGroups(
  images: readonly string[],
  by: readonly GroupKind[],
  header: (sopInstanceUID: string) => Promise<readonly HeaderElement[]>,
): Promise<NonNullable<EvaluateOrder['groups']>> {
  const found = by.map((kind) => ({ kind, nameOf: [] as (string | null)[] }));
  for (const image of images) {
    // Its file may be away: the patient is then in no group, and in the figures of all.
    const elements = await header(image).catch(() => []);
    const text = (keyword: string): string =>
      elements.find((element) => element.depth === 0 && element.keyword === keyword)?.value.trim() ?? '';
    for (const { kind, nameOf } of found) nameOf.push(groupName(kind, text));
  }
  return found.map(({ kind, nameOf }) => {
    const names = [...new Set(nameOf.filter((name) => name !== null))].sort();
    const groupOf = Int32Array.from(nameOf, (name) => (name === null ? -1 : names.indexOf(name)));
    return { by: kind, names, groupOf };
  });
}

function groupName(by: GroupKind, text: (keyword: string) => string): string | null {
  if (by === 'sex') return text('PatientSex') || null;
  if (by === 'scanner') {
    const scanner = [text('Manufacturer'), text('ManufacturerModelName')].filter((part) => part !== '').join(' ');
    return scanner === '' ? null : scanner.slice(0, 200);
  }
  const years = ageInYears(text);
  if (years === null) return null;
  // So named that they sort by age.
  const bands = [18, 40, 60, 75] as const;
  const above = bands.findIndex((edge) => years < edge);
  if (above === 0) return '0 to 17';
  return above < 0 ? '75 and over' : `${bands[above - 1]} to ${bands[above]! - 1}`;
}

/** From PatientAge (PS3.5 6.2, VR AS), else from birth to study. */
function ageInYears(text: (keyword: string) => string): number | null {
  const age = /^(\d{3})([DWMY])$/.exec(text('PatientAge'));
  if (age !== null) return Number(age[1]) / { D: 365.25, W: 52.18, M: 12, Y: 1 }[age[2] as 'D' | 'W' | 'M' | 'Y'];
  const [birth, study] = [text('PatientBirthDate'), text('StudyDate')].map((date) =>
    /^(\d{4})-?(\d{2})-?(\d{2})/.exec(date),
  );
  if (!birth || !study) return null;
  const days = (date: RegExpExecArray): number =>
    Date.UTC(Number(date[1]), Number(date[2]) - 1, Number(date[3])) / 86_400_000;
  return (days(study) - days(birth)) / 365.25;
}
