// The mask of a NIfTI volume as a DICOM Label Map Segmentation (PS3.3 A.51, C.8.20) of the object that the volume is wrapped as:
// in its study, on its grid, frame by frame. It is stored and read as every other segmentation is.
import type { Element } from '../encode-part10.ts';
import { libraryFaults } from '../faults.ts';
import { multiFrameClassOf, niftiHead, openNifti } from './wrap-nifti.ts';
import type { NiftiHeader } from './nifti-header.ts';
import type { NiftiPixels } from './nifti-values.ts';
import { imagePixelElements } from './wrap-picture.ts';
import { derivedUid, element, textValue, type WrappedFile, wrappedObject } from './wrapped-object.ts';

export const labelMapClassUID = '1.2.840.10008.5.1.4.1.1.66.7';
/** Of matching entries of two affines, mm: writers round them differently. */
const affineToleranceMm = 0.01;

export interface Mask {
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`. */
  readonly content: string;
  /** What it is the mask of, as it is wrapped itself. */
  readonly image: WrappedFile;
  /** By number; numbers without a name are called "label N". */
  readonly names: ReadonlyMap<number, string>;
}

/** @throws Fault 107, with the reason, where it is no label map of the image. */
export function wrapMask({ bytes, content, image, names }: Mask): Uint8Array {
  const ofImage = niftiHead(image.bytes);
  const { header, rows, columns, values, groups } = openNifti(bytes, ofImage);
  const why = misfit(header, ofImage);
  if (why !== null) throw libraryFaults.notDicom(`Not a mask of its image: ${why}.`);
  const labels = labelsOf(values);
  const present = new Set(labels);
  present.delete(0);
  const numbers = [...(names.size > 0 ? new Set([...names.keys(), ...present]) : present)].sort((a, b) => a - b);
  const slices = header.size[2];
  const imageUID = derivedUid('instance', image.content);
  const imageClassUID = multiFrameClassOf(ofImage);
  const reference = [element('00081150', 'UI', imageClassUID), element('00081155', 'UI', imageUID)];
  const sourceOf = (slice: number): Element => {
    const frames = Array.from({ length: ofImage.volumes }, (_, volume) => String(volume * slices + slice + 1));
    const source = [...reference, element('00081160', 'IS', frames.join('\\'))];
    return element('00089124', 'SQ', { items: [[element('00082112', 'SQ', { items: [source] })]] });
  };
  return wrappedObject(image, {
    sopClassUID: labelMapClassUID,
    transferSyntaxUID: '1.2.840.10008.1.2.1',
    sopInstanceUID: derivedUid('segmentation', image.content, content),
    seriesInstanceUID: derivedUid('series of a segmentation', image.content, content),
    elements: [
      ...imagePixelElements({ rows, columns, samples: 1, bitsAllocated: 8, bitsStored: 8, photometric: 'MONOCHROME2' }),
      element('00080008', 'CS', 'DERIVED\\PRIMARY'),
      element('00080060', 'CS', 'SEG'),
      element('0008103E', 'LO', textValue(`Segmentation of ${image.name}`)),
      element('00081115', 'SQ', {
        items: [
          [
            element('0008114A', 'SQ', { items: [reference] }),
            element('0020000E', 'UI', derivedUid('series', image.content)),
          ],
        ],
      }),
      ...groups.frameOfReference,
      element('00280008', 'IS', String(slices)),
      element('00620001', 'CS', 'LABELMAP'),
      element('00620002', 'SQ', { items: numbers.map((number) => segment(number, names.get(number))) }),
      element('00700080', 'CS', 'SEGMENTATION'),
      element('00700081', 'LO', ''),
      element('52009229', 'SQ', { items: [groups.shared] }),
      element('52009230', 'SQ', {
        items: Array.from({ length: slices }, (_, slice) => [...groups.frame(slice), sourceOf(slice)]),
      }),
      element('7FE00010', 'OB', { bytes: labels }),
    ],
  });
}

/** Null where both have one grid. */
function misfit(mask: NiftiHeader, image: NiftiHeader): string | null {
  if (mask.volumes !== 1) return `it holds ${mask.volumes} volumes`;
  if (mask.size.some((length, axis) => length !== image.size[axis]))
    return `it has ${mask.size.join(' × ')} voxels, its image ${image.size.join(' × ')}`;
  const differs = mask.affine?.some((row, at) =>
    row.some((value, column) => Math.abs(value - (image.affine?.[at]?.[column] ?? value)) > affineToleranceMm),
  );
  return differs === true ? 'it lies in another place of the patient than its image' : null;
}

/** @throws Fault 107 where a value is no class number of 0 to 255. */
function labelsOf({ samples, pixels, slope, intercept }: NiftiPixels): Uint8Array {
  if (samples !== 1) throw libraryFaults.notDicom('Not a mask of its image: it is coloured.');
  const labels = new Uint8Array(pixels.length);
  for (let index = 0; index < pixels.length; index += 1) {
    const value = pixels[index]! * slope + intercept;
    const label = Math.round(value);
    if (Math.abs(value - label) > 1e-4 || label < 0 || label > 255)
      throw libraryFaults.notDicom('Not a mask of its image: its values are not whole numbers of 0 to 255.');
    labels[index] = label;
  }
  return labels;
}

function segment(number: number, name = `label ${number}`): readonly Element[] {
  // Anatomical structure (SCT 91723000): what it is the name tells, which no code list stands behind.
  const code = [
    element('00080100', 'SH', '91723000'),
    element('00080102', 'SH', 'SCT'),
    element('00080104', 'LO', 'Anatomical Structure'),
  ];
  return [
    element('00620003', 'SQ', { items: [code] }),
    element('00620004', 'US', { us: number }),
    element('00620005', 'LO', textValue(name)),
    // Who drew it is not told; that a person answers for it is what such sets promise.
    element('00620008', 'CS', 'MANUAL'),
    element('0062000F', 'SQ', { items: [code] }),
  ];
}
