// Which group each patient of a cohort belongs to, from the headers in the library: no data set holds any of it.
// A patient with images of several scanners counts to that of the first.
import type { GroupKind } from '../../contract/metrics.ts';
import type { EvaluateOrder } from '../../contract/training.ts';
import type { HeaderElement } from '../library/header-list.ts';

/** @param images one image of each patient, by patient number */
export async function patientGroups(
  images: readonly string[],
  by: readonly GroupKind[],
  header: (sopInstanceUID: string) => Promise<readonly HeaderElement[]>,
): Promise<NonNullable<EvaluateOrder['groups']>> {
  const groups = by.map((kind) => ({
    by: kind,
    names: [] as string[],
    groupOf: new Int32Array(images.length).fill(-1),
  }));
  for (const [patient, image] of images.entries()) {
    let elements: readonly HeaderElement[];
    try {
      elements = await header(image);
    } catch {
      // Its file is away: the patient is in no group, and in the figures of all.
      continue;
    }
    const text = (keyword: string): string =>
      elements.find((element) => element.depth === 0 && element.keyword === keyword)?.value.trim() ?? '';
    for (const group of groups) {
      const name = groupName(group.by, text);
      if (name === null) continue;
      if (!group.names.includes(name)) group.names.push(name);
      group.groupOf[patient] = group.names.indexOf(name);
    }
  }
  return groups;
}

function groupName(by: GroupKind, text: (keyword: string) => string): string | null {
  if (by === 'sex') return text('PatientSex') || null;
  if (by === 'scanner') {
    const scanner = [text('Manufacturer'), text('ManufacturerModelName')].filter((part) => part !== '').join(' ');
    return scanner === '' ? null : scanner.slice(0, 200);
  }
  const years = ageInYears(text);
  if (years === null) return null;
  const bands = [18, 40, 60, 75] as const;
  const above = bands.findIndex((edge) => years < edge);
  if (above === 0) return 'under 18';
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
