import { expect, test } from 'vitest';
import type { HeaderElement } from '../../../../src/station/library/header-list.ts';
import { patientGroups } from '../../../../src/station/models/patient-groups.ts';

const headers: Record<string, Record<string, string>> = {
  old: { PatientAge: '081Y', PatientSex: 'M', Manufacturer: 'Beta' },
  child: { PatientAge: '006M', PatientSex: 'F', Manufacturer: 'Alpha', ManufacturerModelName: 'One' },
  adult: { PatientBirthDate: '1980-05-01', StudyDate: '2020-05-02' },
};

test('patients are in groups that stand in the order of scanner, sex and age; whose file is away is in none', async () => {
  const header = async (image: string): Promise<readonly HeaderElement[]> => {
    const own = headers[image];
    if (own === undefined) throw new Error('away');
    return Object.entries(own).map(([keyword, value]) => ({ depth: 0, keyword, value }) as HeaderElement);
  };
  const groups = await patientGroups(['old', 'child', 'adult', 'gone'], ['scanner', 'sex', 'age'], header);
  expect(groups.map(({ by, names, groupOf }) => [by, names, [...groupOf]])).toEqual([
    ['scanner', ['Alpha One', 'Beta'], [1, 0, -1, -1]],
    ['sex', ['F', 'M'], [1, 0, -1, -1]],
    ['age', ['0 to 17', '40 to 59', '75 and over'], [2, 0, 1, -1]],
  ]);
});
