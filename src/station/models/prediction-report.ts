// What a model said of a series as a DICOM Comprehensive SR (PS3.3 A.35.3; after PS3.16 TID 1500): the volume of each structure
// that it drew, and a probability of each class for each image. Numbers only, never a finding: what a model said must not come back as a label.
import type { Model, PredictedImage } from '../../contract/model.ts';
import { type Element, encodePart10 } from '../library/encode-part10.ts';
import { decimalString, derivedUid, element, textValue } from '../library/intake/wrapped-object.ts';
import { code, imageReference, resultElements, resultNote, type ResultSource, weightsNote } from './result-object.ts';
import type { StructureVolume } from './structure-volumes.ts';

const comprehensiveSr = '1.2.840.10008.5.1.4.1.1.88.33';
/** The report's SOP Instance UID: a model says one thing of a series. */
export function reportUid({ weightsHash }: Model, seriesInstanceUID: string): string {
  return derivedUid('report', weightsHash, seriesInstanceUID);
}

/** Part-10 bytes; the same model on the same series always has the same SOP Instance UID. */
export function predictionReport(
  model: Model,
  images: readonly PredictedImage[],
  volumes: readonly StructureVolume[],
  source: ResultSource,
  now: Date,
): Uint8Array {
  const { studyInstanceUID, seriesInstanceUID } = source;
  const sopInstanceUID = reportUid(model, seriesInstanceUID);
  const device = `ImagiQ model ${model.id}`;
  const object = {
    sopClassUID: comprehensiveSr,
    sopInstanceUID,
    seriesInstanceUID: derivedUid('series of reports', model.weightsHash, studyInstanceUID),
    seriesNumber: 9_001,
    instanceNumber: 1,
    modality: 'SR',
    description: `${model.network} ${model.id}`,
  };
  const elements = [
    ...resultElements(model, object, source, now),
    element('00081111', 'SQ', { items: [] }),
    element('0040A040', 'CS', 'CONTAINER'),
    element('0040A043', 'SQ', { items: [code('126000', 'DCM', 'Imaging Measurement Report')] }),
    element('0040A050', 'CS', 'SEPARATE'),
    element('0040A372', 'SQ', { items: [] }),
    element('0040A375', 'SQ', { items: [evidence(images, source)] }),
    element('0040A491', 'CS', 'COMPLETE'),
    element('0040A493', 'CS', 'UNVERIFIED'),
    element('0040A504', 'SQ', { items: [[element('00080105', 'CS', 'DCMR'), element('0040DB00', 'CS', '1500')]] }),
    element('0040A730', 'SQ', {
      items: [
        coded(
          'HAS CONCEPT MOD',
          code('121049', 'DCM', 'Language of Content Item and Descendants'),
          code('en', 'RFC5646', 'English'),
        ),
        coded('HAS OBS CONTEXT', code('121005', 'DCM', 'Observer Type'), code('121007', 'DCM', 'Device')),
        item('HAS OBS CONTEXT', 'UIDREF', code('121012', 'DCM', 'Device Observer UID'), [
          element('0040A124', 'UI', derivedUid('model', model.weightsHash)),
        ]),
        written('HAS OBS CONTEXT', code('121013', 'DCM', 'Device Observer Name'), device),
        coded(
          'HAS CONCEPT MOD',
          code('121058', 'DCM', 'Procedure reported'),
          code('363679005', 'SCT', 'Imaging procedure'),
        ),
        item('CONTAINS', 'CONTAINER', code('126010', 'DCM', 'Imaging Measurements'), [
          element('0040A050', 'CS', 'SEPARATE'),
          element('0040A730', 'SQ', {
            items: [
              ...volumes.map((volume) => volumeGroup(model, volume, source)),
              ...images.map((image) => imageGroup(model, image, source)),
            ],
          }),
        ]),
        written('CONTAINS', code('121106', 'DCM', 'Comment'), `${resultNote} ${device}. ${weightsNote(model)}`),
      ],
    }),
  ];
  return encodePart10(elements, comprehensiveSr, sopInstanceUID, { versionName: 'IMAGIQ_MODEL' });
}

function imageGroup(model: Model, image: PredictedImage, source: ResultSource): readonly Element[] {
  const what = model.task === 'segmentation' ? 'Share of the image' : 'Probability';
  const tracked = derivedUid('prediction', model.weightsHash, image.sopInstanceUID, String(image.frame ?? 1));
  return group(model.id, tracked, [
    ...model.classes.map((name, index) =>
      measured(
        code(`CLASS-${index}`, '99IMAGIQ', textValue(`${what}: ${name}`)),
        image.probabilities[index] ?? 0,
        code('1', 'UCUM', 'no units'),
      ),
    ),
    item('CONTAINS', 'IMAGE', code('121112', 'DCM', 'Source of Measurement'), [
      element('00081199', 'SQ', { items: [reference(image, source)] }),
    ]),
  ]);
}

function volumeGroup(model: Model, { name, cm3 }: StructureVolume, source: ResultSource): readonly Element[] {
  const tracked = derivedUid('predicted volume', model.weightsHash, source.seriesInstanceUID, name);
  return group(`${name}, ${model.id}`, tracked, [
    measured(code('118565006', 'SCT', 'Volume'), cm3, code('cm3', 'UCUM', 'cm3')),
  ]);
}

function group(tracking: string, uid: string, content: readonly (readonly Element[])[]): readonly Element[] {
  return item('CONTAINS', 'CONTAINER', code('125007', 'DCM', 'Measurement Group'), [
    element('0040A050', 'CS', 'SEPARATE'),
    element('0040A730', 'SQ', {
      items: [
        written('HAS OBS CONTEXT', code('112039', 'DCM', 'Tracking Identifier'), tracking),
        item('HAS OBS CONTEXT', 'UIDREF', code('112040', 'DCM', 'Tracking Unique Identifier'), [
          element('0040A124', 'UI', uid),
        ]),
        ...content,
      ],
    }),
  ]);
}

function measured(concept: readonly Element[], value: number, unit: readonly Element[]): readonly Element[] {
  const number = [
    element('004008EA', 'SQ', { items: [unit] }),
    element('0040A30A', 'DS', decimalString(Number(value.toPrecision(6)))),
  ];
  return item('CONTAINS', 'NUM', concept, [element('0040A300', 'SQ', { items: [number] })]);
}

function evidence(images: readonly PredictedImage[], source: ResultSource): readonly Element[] {
  // Of a multi-frame object one reference, to the whole of it.
  const instances = new Set(images.map(({ sopInstanceUID }) => sopInstanceUID));
  const references = [...instances].map((sopInstanceUID) => imageReference(sopInstanceUID, source));
  return [
    element('00081115', 'SQ', {
      items: [[element('00081199', 'SQ', { items: references }), element('0020000E', 'UI', source.seriesInstanceUID)]],
    }),
    element('0020000D', 'UI', source.studyInstanceUID),
  ];
}

const reference = ({ sopInstanceUID, frame }: PredictedImage, source: ResultSource): readonly Element[] => [
  ...imageReference(sopInstanceUID, source),
  ...(frame === null ? [] : [element('00081160', 'IS', String(frame))]),
];

function item(
  relationship: string,
  type: string,
  concept: readonly Element[],
  content: readonly Element[],
): readonly Element[] {
  return [
    element('0040A010', 'CS', relationship),
    element('0040A040', 'CS', type),
    element('0040A043', 'SQ', { items: [concept] }),
    ...content,
  ];
}

const coded = (relationship: string, concept: readonly Element[], value: readonly Element[]): readonly Element[] =>
  item(relationship, 'CODE', concept, [element('0040A168', 'SQ', { items: [value] })]);

const written = (relationship: string, concept: readonly Element[], text: string): readonly Element[] =>
  item(relationship, 'TEXT', concept, [element('0040A160', 'UT', text)]);
