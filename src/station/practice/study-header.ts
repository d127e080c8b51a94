// The attributes of a practice instance: a CT image (PS3.3 A.3) of a person who does not exist.
import { createHash } from 'node:crypto';
import type { Element, ElementValue } from '../library/encode-part10.ts';
import type { PracticeSite } from './scanners.ts';

export const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';

/** A UID under 2.25 (PS3.5 B.2) that depends on `name` alone, so that the same seed writes the same study again. */
export function practiceUid(name: string): string {
  const digest = createHash('sha256').update(`imagiq practice ${name}`).digest('hex').slice(0, 32);
  return `2.25.${BigInt(`0x${digest}`)}`;
}

export interface PracticeInstance {
  readonly site: PracticeSite;
  /** Identifies the patient among all practice sites and seeds. */
  readonly key: string;
  /** 1 for the site's first patient. */
  readonly number: number;
  readonly slice: number;
  readonly positionMm: number;
  readonly side: number;
  readonly pixels: Int16Array;
}

export function practiceInstanceUid({ key, slice }: { key: string; slice: number }): string {
  return practiceUid(`${key}/instance/${slice}`);
}

/** All elements of one instance. */
export function practiceElements(instance: PracticeInstance): Element[] {
  const { site, key, number, slice, side } = instance;
  const { scanner } = site;
  const spacing = (scanner.fieldMm / side).toFixed(6);
  const corner = (-scanner.fieldMm / 2 + scanner.fieldMm / side / 2).toFixed(4);
  const id = `P${String(number).padStart(4, '0')}`;
  const day = practiceDay(number);
  // Born on a first of January: as old all the year.
  const ageYears = 25 + ((number * 13) % 60);
  const time = `${String(8 + (number % 9)).padStart(2, '0')}${String((number * 7) % 60).padStart(2, '0')}00`;
  const elements: Element[] = [];
  const add = (tag: string, vr: string, value: ElementValue): void => void elements.push({ tag, vr, value });
  add('00080005', 'CS', 'ISO_IR 100');
  add('00080008', 'CS', 'ORIGINAL\\PRIMARY\\AXIAL');
  add('00080016', 'UI', ctImageStorage);
  add('00080018', 'UI', practiceInstanceUid(instance));
  for (const tag of ['00080020', '00080021', '00080022', '00080023']) add(tag, 'DA', day);
  for (const tag of ['00080030', '00080031', '00080032', '00080033']) add(tag, 'TM', time);
  add('00080050', 'SH', `${site.name.toUpperCase()}${id}`);
  add('00080060', 'CS', 'CT');
  add('00080070', 'LO', scanner.manufacturer);
  add('00080080', 'LO', site.institution);
  add('00080090', 'PN', 'Practice^Physician');
  add('00081030', 'LO', 'Practice CT chest (generated)');
  add('0008103E', 'LO', `Chest axial ${scanner.kernel}`);
  add('00081090', 'LO', scanner.model);
  add('00100010', 'PN', `Practice^${id}`);
  add('00100020', 'LO', `PRACTICE-${site.name.toUpperCase()}-${id}`);
  add('00100030', 'DA', `${practiceYear - ageYears}0101`);
  add('00100040', 'CS', number % 2 === 0 ? 'F' : 'M');
  add('00101010', 'AS', `${String(ageYears).padStart(3, '0')}Y`);
  add('00104000', 'LT', 'Generated phantom: no such person exists.');
  add('00120062', 'CS', 'YES');
  add('00120063', 'LO', 'Generated; never came from a person');
  add('00180015', 'CS', 'CHEST');
  add('00180050', 'DS', String(scanner.sliceThicknessMm));
  add('00180060', 'DS', String(scanner.kilovolts));
  add('00180090', 'DS', String(scanner.fieldMm));
  add('00181000', 'LO', `PRACTICE-${site.name.toUpperCase()}`);
  add('00181020', 'LO', 'practice-1');
  add('00181100', 'DS', String(scanner.fieldMm));
  add('00181151', 'IS', String(scanner.tubeCurrentMa));
  add('00181210', 'SH', scanner.kernel);
  add('00185100', 'CS', 'HFS');
  add('0020000D', 'UI', practiceUid(`${key}/study`));
  add('0020000E', 'UI', practiceUid(`${key}/series`));
  add('00200010', 'SH', id);
  add('00200011', 'IS', '1');
  add('00200012', 'IS', '1');
  add('00200013', 'IS', String(slice + 1));
  add('00200032', 'DS', `${corner}\\${corner}\\${instance.positionMm.toFixed(2)}`);
  add('00200037', 'DS', '1\\0\\0\\0\\1\\0');
  add('00200052', 'UI', practiceUid(`${key}/frame-of-reference`));
  add('00201040', 'LO', '');
  add('00201041', 'DS', instance.positionMm.toFixed(2));
  add('00280002', 'US', { us: 1 });
  add('00280004', 'CS', 'MONOCHROME2');
  add('00280010', 'US', { us: side });
  add('00280011', 'US', { us: side });
  add('00280030', 'DS', `${spacing}\\${spacing}`);
  add('00280100', 'US', { us: 16 });
  add('00280101', 'US', { us: scanner.signed ? 16 : 12 });
  add('00280102', 'US', { us: scanner.signed ? 15 : 11 });
  add('00280103', 'US', { us: scanner.signed ? 1 : 0 });
  if (scanner.paddingValue !== null) add('00280120', 'SS', { ss: scanner.paddingValue });
  // A generated image is a phantom: PS3.3 C.7.6.1.1.
  add('00280300', 'CS', 'YES');
  add('00280301', 'CS', 'NO');
  add('00281050', 'DS', '-500\\40');
  add('00281051', 'DS', '1500\\400');
  add('00281052', 'DS', String(scanner.rescaleIntercept));
  add('00281053', 'DS', '1');
  add('00281054', 'LO', 'HU');
  add('00281055', 'LO', 'LUNG\\MEDIASTINUM');
  add('7FE00010', 'OW', { pixels: instance.pixels });
  return elements;
}

const practiceYear = 2024;

/** A day of that year, the same for the same number. */
function practiceDay(number: number): string {
  const day = new Date(Date.UTC(practiceYear, 0, 1 + ((number * 5) % 366)));
  return day.toISOString().slice(0, 10).replaceAll('-', '');
}
