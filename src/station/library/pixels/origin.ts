// When and where a frame was taken, as the file has it (PS3.3 C.7.2.1, C.7.5.1, C.7.6.1; per frame C.7.6.16.2.2).
import type { Frame } from '../../../contract/dicom.ts';
import type { DataSet, Item } from '../dataset.ts';
import { textOf, topDecoder } from '../values.ts';
import { functionalGroup } from './functional-groups.ts';

const originTags = {
  AcquisitionDate: 0x00080022,
  AcquisitionDateTime: 0x0008002a,
  StudyTime: 0x00080030,
  AcquisitionTime: 0x00080032,
  InstitutionName: 0x00080080,
  ViewPosition: 0x00185101,
  Laterality: 0x00200060,
  ImageLaterality: 0x00200062,
  FrameAcquisitionDateTime: 0x00189074,
  FrameContentSequence: 0x00209111,
} as const;

/** @param frame counted from 0. Empty texts where the file does not say. */
export function originOf(dataset: DataSet, frame: number): NonNullable<Frame['origin']> {
  const decode = topDecoder(dataset);
  const read = (keyword: keyof typeof originTags, item: Item = dataset): string =>
    textOf(dataset, item.elements.get(originTags[keyword]), decode, 1_024);
  const content = functionalGroup(dataset, frame, originTags.FrameContentSequence);
  const moment = (content && read('FrameAcquisitionDateTime', content)) || read('AcquisitionDateTime');
  return {
    studyTime: read('StudyTime'),
    acquisitionDate: moment.slice(0, 8) || read('AcquisitionDate'),
    acquisitionTime: withoutZone(moment.slice(8)) || read('AcquisitionTime'),
    institution: read('InstitutionName'),
    view: `${read('ImageLaterality') || read('Laterality')} ${read('ViewPosition')}`.trim(),
  };
}

/** A DT may end in an offset from UTC (PS3.5 6.2): its time is the local one all the same. */
const withoutZone = (time: string): string => time.replace(/[+-]\d{4}$/, '');
