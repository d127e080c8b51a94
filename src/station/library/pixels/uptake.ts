// What the values of a PET image are, and what makes SUV of them, from its header.
import type { Frame } from '../../../contract/dicom.ts';
import type { DataSet, Item } from '../dataset.ts';
import { latin1Of } from '../values.ts';
import { codeOf, codesOf, numberOf } from './attributes.ts';
import { bodyWeightSuv } from './body-weight-suv.ts';

const petTags = {
  SeriesDate: 0x00080021,
  AcquisitionDate: 0x00080022,
  SeriesTime: 0x00080031,
  AcquisitionTime: 0x00080032,
  Modality: 0x00080060,
  TimezoneOffsetFromUTC: 0x00080201,
  PatientWeight: 0x00101030,
  RadiopharmaceuticalStartTime: 0x00181072,
  RadionuclideTotalDose: 0x00181074,
  RadionuclideHalfLife: 0x00181075,
  RadiopharmaceuticalStartDateTime: 0x00181078,
  ActualFrameDuration: 0x00181242,
  CorrectedImage: 0x00280051,
  RadiopharmaceuticalInformationSequence: 0x00540016,
  Units: 0x00541001,
  SUVType: 0x00541006,
  DecayCorrection: 0x00541102,
  FrameReferenceTime: 0x00541300,
} as const;

/** Units (PS3.3 C.8.9.1.1.3) as a person reads them. */
const unitWords: Readonly<Record<string, string>> = {
  BQML: 'Bq/ml',
  CNTS: 'counts',
  GML: 'g/ml',
  PCNT: '%',
  CPS: 'counts/s',
  PROPCPS: 'counts/s',
  PROPCNTS: 'counts',
};

/** Null of what is no PET. */
export function uptakeOf(dataset: DataSet): NonNullable<Frame['uptake']> | null {
  if (codeOf(dataset, dataset, petTags.Modality) !== 'PT') return null;
  const units = codeOf(dataset, dataset, petTags.Units);
  const injections = dataset.elements.get(petTags.RadiopharmaceuticalInformationSequence)?.items ?? [];
  const injection = injections[0] ?? null;
  const seriesDate = codeOf(dataset, dataset, petTags.SeriesDate);
  const acquisitionDate = codeOf(dataset, dataset, petTags.AcquisitionDate);
  const factor = bodyWeightSuv({
    units,
    suvType: codeOf(dataset, dataset, petTags.SUVType),
    correctedImage: codesOf(dataset, dataset, petTags.CorrectedImage),
    decayCorrection: codeOf(dataset, dataset, petTags.DecayCorrection),
    weightKg: numberOf(dataset, dataset, petTags.PatientWeight),
    injections: injections.length,
    doseBq: injection && numberOf(dataset, injection, petTags.RadionuclideTotalDose),
    halfLifeS: injection && numberOf(dataset, injection, petTags.RadionuclideHalfLife),
    injectedAtS: injection && injectedAtS(dataset, injection, seriesDate || acquisitionDate),
    seriesAtS: momentS(seriesDate, codeOf(dataset, dataset, petTags.SeriesTime)),
    acquiredAtS: momentS(acquisitionDate, codeOf(dataset, dataset, petTags.AcquisitionTime)),
    geScanAtS: dateTimeS(privateText(dataset, { group: 0x0009, creator: 'GEMS_PETD_01', element: 0x0d }), null),
    frameReferenceS: thousandth(numberOf(dataset, dataset, petTags.FrameReferenceTime)),
    frameDurationS: thousandth(numberOf(dataset, dataset, petTags.ActualFrameDuration)),
    philipsSuvFactor: philipsFactor(dataset, 0x00),
    philipsActivityFactor: philipsFactor(dataset, 0x09),
  });
  const unit = unitWords[units] ?? units;
  return 'reason' in factor
    ? { unit, suvPerUnit: null, reason: factor.reason }
    : { unit, suvPerUnit: factor.suvPerUnit, reason: null };
}

/** The whole moment where the file has one; else the time on the day of the series. */
function injectedAtS(dataset: DataSet, injection: Item, date: string): number | null {
  const moment = codeOf(dataset, injection, petTags.RadiopharmaceuticalStartDateTime);
  const zone = codeOf(dataset, dataset, petTags.TimezoneOffsetFromUTC);
  return (
    dateTimeS(moment, zoneS(zone)) ?? momentS(date, codeOf(dataset, injection, petTags.RadiopharmaceuticalStartTime))
  );
}

/** A DT (PS3.5 6.2) on the file's own clock: in its zone where both name one, else as it is written. */
function dateTimeS(text: string, fileZoneS: number | null): number | null {
  const [, date = '', time = '', zone = ''] = /^(\d{8})([\d.]*)([+-]\d{4})?$/.exec(text) ?? [];
  const local = momentS(date, time);
  const ownZoneS = zoneS(zone);
  return local === null || ownZoneS === null || fileZoneS === null ? local : local - ownZoneS + fileZoneS;
}

function zoneS(text: string): number | null {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(text) ?? [];
  return sign === undefined ? null : (sign === '-' ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
}

/** Of a DA and a TM, those of ACR-NEMA too (PS3.5 6.2); null where one of them is none: a day without a time tells no decay. */
function momentS(date: string, time: string): number | null {
  const [, year, month, day] = /^(\d{4})\.?(\d\d)\.?(\d\d)$/.exec(date) ?? [];
  const [, hours, minutes = '0', seconds = '0'] = /^(\d\d):?(?:(\d\d):?(?:(\d\d(?:\.\d*)?))?)?$/.exec(time) ?? [];
  if (day === undefined || hours === undefined) return null;
  return (
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours), Number(minutes)) / 1000 + Number(seconds)
  );
}

const thousandth = (value: number | null): number | null => (value === null ? null : value / 1000);

function philipsFactor(dataset: DataSet, element: number): number | null {
  const text = privateText(dataset, { group: 0x7053, creator: 'Philips PET Private Group', element });
  return text === '' || !Number.isFinite(Number(text)) ? null : Number(text);
}

/** The text of a private element, '' where its creator has none (PS3.5 7.8.1); of implicit files it has no representation. */
function privateText(
  dataset: DataSet,
  { group, creator, element }: { group: number; creator: string; element: number },
): string {
  for (let block = 0x10; block <= 0xff; block += 1) {
    if (codeOf(dataset, dataset, group * 0x10000 + block) !== creator) continue;
    const found = dataset.elements.get(group * 0x10000 + block * 0x100 + element);
    return found === undefined || found.items !== null ? '' : latin1Of(dataset, found, 64).replaceAll('\0', '').trim();
  }
  return '';
}
