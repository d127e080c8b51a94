// Attributes that viewing, training and cohorts need, by kind of image. Not a conformance test: the standard asks for far
// more (PS3.3), and much of that no part of ImagiQ reads.
import type { DataSet } from '../dataset.ts';
import { tags } from '../tags.ts';

type Keyword = keyof typeof tags;

/** Of every instance. PatientID has a finding of its own. */
const always: readonly Keyword[] = ['SOPClassUID', 'Modality', 'StudyDate'];
/** Of every image with integer pixel data (PS3.3 C.7.6.3). */
const ofImages: readonly Keyword[] = [
  'SamplesPerPixel',
  'PhotometricInterpretation',
  'Rows',
  'Columns',
  'BitsAllocated',
  'BitsStored',
  'PixelRepresentation',
];
/** Of slices of single-frame CT, MR and PET (C.7.6.2): without them there is no volume, no length, no side. */
const ofSlices: readonly Keyword[] = ['PixelSpacing', 'ImageOrientationPatient', 'ImagePositionPatient'];
const byClass: Readonly<Record<string, readonly Keyword[]>> = {
  // CT Image Storage: Hounsfield units need the rescaling (C.8.2.1).
  '1.2.840.10008.5.1.4.1.1.2': [...ofSlices, 'RescaleSlope', 'RescaleIntercept'],
  // MR Image Storage
  '1.2.840.10008.5.1.4.1.1.4': ofSlices,
  // Positron Emission Tomography Image Storage: activity needs rescaling and unit (C.8.9.1).
  '1.2.840.10008.5.1.4.1.1.128': [...ofSlices, 'RescaleSlope', 'RescaleIntercept', 'Units'],
};
/** Mammography for presentation and for processing: which breast (C.8.11.7). */
const mammography = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.1\.2(\.1)?$/;

/** Keywords of the attributes that are absent or empty, in the order of the tables above. */
export function missingAttributes(dataSet: DataSet, sopClassUID: string, modality: string): Keyword[] {
  const { elements, pixelData } = dataSet;
  const wanted: Keyword[] = [...always];
  if (pixelData !== null) {
    if (pixelData.tag === tags.PixelData) wanted.push(...ofImages);
    wanted.push(...(byClass[sopClassUID] ?? []));
    // A side may also be told per view, in the anatomic region: only plain MG images are asked.
    if (mammography.test(sopClassUID) && modality === 'MG') wanted.push('ImageLaterality');
  }
  return wanted.filter((keyword) => {
    const element = elements.get(tags[keyword]);
    return element === undefined || element.length === 0 || isBlank(dataSet.bytes, element.offset, element.length);
  });
}

function isBlank(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  // A binary zero is a value; only text pads with spaces.
  for (let at = offset; at < end; at += 1) if (bytes[at] !== 0x20) return false;
  return true;
}
