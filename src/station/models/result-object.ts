// What every object has that the station writes of a model's result: the patient and the study of the images, the model as the
// equipment. Objects that ImagiQ's models made are known again by this manufacturer: no cohort takes them for images or labels.
import type { Model } from '../../contract/model.ts';
import { type Element } from '../library/encode-part10.ts';
import { modelManufacturer } from '../library/model-made.ts';
import { element, textValue } from '../library/intake/wrapped-object.ts';

export const resultNote = 'Computed by a model, for research use only. Not for diagnosis.';

/** How whoever reads a result finds the weights again: its own, or of an ensemble those that voted. */
export function weightsNote({ isEnsemble, parents, weightsHash }: Model): string {
  return isEnsemble
    ? `Mean of ${parents.length} models: ${parents.join(', ')}. Ensemble ${weightsHash}.`
    : `Weights ${weightsHash}.`;
}

/** What a result takes over of the images' study: values by keyword, '' where absent. */
export interface ResultSource {
  readonly text: (keyword: string) => string;
  readonly studyInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly sopClassOf: (sopInstanceUID: string) => string;
}

export interface ResultObject {
  readonly sopClassUID: string;
  readonly sopInstanceUID: string;
  readonly seriesInstanceUID: string;
  readonly seriesNumber: number;
  readonly instanceNumber: number;
  readonly modality: string;
  readonly description: string;
}

/** Patient, General Study, General Series, General Equipment and SOP Common modules (PS3.3 C.7.1.1–C.7.5.1, C.12.1). */
export function resultElements(
  model: Model,
  object: ResultObject,
  { text, ...source }: ResultSource,
  now: Date,
): Element[] {
  const { date, time } = stamp(now);
  const compact = (keyword: string, marks: string): string => text(keyword).replaceAll(marks, '');
  return [
    element('00080005', 'CS', 'ISO_IR 192'),
    element('00080016', 'UI', object.sopClassUID),
    element('00080018', 'UI', object.sopInstanceUID),
    element('00080020', 'DA', compact('StudyDate', '-')),
    element('00080021', 'DA', date),
    element('00080023', 'DA', date),
    element('00080030', 'TM', compact('StudyTime', ':')),
    element('00080031', 'TM', time),
    element('00080033', 'TM', time),
    element('00080050', 'SH', text('AccessionNumber')),
    element('00080060', 'CS', object.modality),
    element('00080070', 'LO', modelManufacturer),
    element('00080090', 'PN', text('ReferringPhysicianName')),
    element('0008103E', 'LO', textValue(object.description)),
    element('00081090', 'LO', textValue(model.network)),
    element('00100010', 'PN', text('PatientName')),
    element('00100020', 'LO', text('PatientID')),
    element('00100030', 'DA', compact('PatientBirthDate', '-')),
    element('00100040', 'CS', text('PatientSex')),
    element('00181000', 'LO', model.weightsHash.slice(0, 64)),
    element('00181020', 'LO', textValue(model.id)),
    element('0020000D', 'UI', source.studyInstanceUID),
    element('0020000E', 'UI', object.seriesInstanceUID),
    element('00200010', 'SH', text('StudyID')),
    element('00200011', 'IS', String(object.seriesNumber)),
    element('00200013', 'IS', String(object.instanceNumber)),
  ];
}

/** Date and time as DICOM writes them (PS3.5 6.2, VR DA and TM). */
function stamp(now: Date): { date: string; time: string } {
  const text = now.toISOString();
  return { date: text.slice(0, 10).replaceAll('-', ''), time: text.slice(11, 19).replaceAll(':', '') };
}

export const code = (value: string, scheme: string, meaning: string): readonly Element[] => [
  element('00080100', 'SH', value),
  element('00080102', 'SH', scheme),
  element('00080104', 'LO', meaning),
];

/** Class and instance of an image that a result refers to. */
export const imageReference = (sopInstanceUID: string, { sopClassOf }: ResultSource): readonly Element[] => [
  element('00081150', 'UI', sopClassOf(sopInstanceUID)),
  element('00081155', 'UI', sopInstanceUID),
];
