// What the header of a radiograph or mammogram says about its side and view.
import type { Projection } from '../../contract/hanging.ts';
import type { DataSet } from '../library/dataset.ts';
import { codeOf, codesOf } from '../library/pixels/attributes.ts';
import { itemsAt } from './items.ts';

export type ProjectionHeader = Omit<Projection, 'seriesInstanceUID' | 'sopInstanceUID' | 'modality'>;

const projectionTags = {
  PresentationIntentType: 0x00080068,
  CodeValue: 0x00080100,
  ViewPosition: 0x00185101,
  PatientOrientation: 0x00200020,
  Laterality: 0x00200060,
  ImageLaterality: 0x00200062,
  ViewCodeSequence: 0x00540220,
} as const;

/** CID 4014, Views for Mammography: SNOMED CT, and SNOMED RT as older files have it. */
const viewCodes: Readonly<Record<string, string>> = {
  '399162004': 'CC',
  'R-10242': 'CC',
  '399368009': 'MLO',
  'R-10226': 'MLO',
};

export function projectionHeader(dataset: DataSet): ProjectionHeader {
  const [code] = itemsAt(dataset, projectionTags.ViewCodeSequence);
  const [row = '', column = ''] = codesOf(dataset, dataset, projectionTags.PatientOrientation);
  return {
    laterality:
      codeOf(dataset, dataset, projectionTags.ImageLaterality) || codeOf(dataset, dataset, projectionTags.Laterality),
    view:
      codeOf(dataset, dataset, projectionTags.ViewPosition) ||
      (code === undefined ? '' : (viewCodes[codeOf(dataset, code, projectionTags.CodeValue)] ?? '')),
    patientOrientation: row === '' || column === '' ? null : [row, column],
    isForProcessing: codeOf(dataset, dataset, projectionTags.PresentationIntentType) === 'FOR PROCESSING',
  };
}
