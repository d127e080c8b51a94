// What Cornerstone asks about an image besides its pixels (its metadata modules), from the frames that were decoded.
import type { Frame, FrameGeometry } from '../../contract/dicom.ts';
import { pixelSize } from './placement.ts';
import { isColour } from './window-level.ts';

interface KeptImage {
  readonly rows: number;
  readonly columns: number;
  readonly modality: string;
  readonly isInColour: boolean;
  readonly bits: number;
  readonly signed: boolean;
  readonly geometry: FrameGeometry;
  readonly isInVolume: boolean;
}

export class ImageModules {
  readonly #images = new Map<string, KeptImage>();

  keep(imageId: string, frame: Frame, isInVolume: boolean): void {
    const { rows, columns, modality, bits, signed, geometry } = frame;
    this.#images.set(imageId, {
      rows,
      columns,
      modality,
      bits,
      signed,
      geometry,
      isInVolume,
      isInColour: isColour(frame),
    });
  }

  /** A metadata provider in Cornerstone's sense: undefined where it does not know. */
  readonly moduleOf = (type: string, imageId: unknown): unknown => {
    const image = typeof imageId === 'string' ? this.#images.get(imageId) : undefined;
    if (!image) return undefined;
    switch (type) {
      case 'imagePlaneModule':
        return imagePlane(image);
      case 'imagePixelModule':
        return imagePixel(image);
      case 'generalSeriesModule':
        return { modality: image.modality };
      // Values are in modality units already.
      case 'modalityLutModule':
        return { rescaleSlope: 1, rescaleIntercept: 0 };
      default:
        return undefined;
    }
  };
}

/**
 * A slice of a volume lies where the patient does. An image of a stack lies in a plane of its own, the same for all, so that the
 * camera need not follow it through space: ten centimetres between two slices would leave the second one clipped away. Where the
 * file says nothing, a pixel is a millimetre; it is never shown as a length.
 */
function imagePlane({ rows, columns, geometry, isInVolume }: KeptImage): Record<string, unknown> {
  const { frameOfReferenceUID } = geometry;
  const { orientation, position } = isInVolume ? geometry : ownPlane;
  const [rx, ry, rz, cx, cy, cz] = orientation ?? [1, 0, 0, 0, 1, 0];
  const pixel = pixelSize(geometry);
  return {
    frameOfReferenceUID: frameOfReferenceUID ?? '',
    rows,
    columns,
    imageOrientationPatient: [rx, ry, rz, cx, cy, cz],
    rowCosines: [rx, ry, rz],
    columnCosines: [cx, cy, cz],
    imagePositionPatient: position ?? [0, 0, 0],
    pixelSpacing: [pixel.height, pixel.width],
    rowPixelSpacing: pixel.height,
    columnPixelSpacing: pixel.width,
    sliceThickness: geometry.sliceThicknessMm ?? undefined,
    usingDefaultValues: geometry.pixelSpacingMm === null,
  };
}

const ownPlane: Pick<FrameGeometry, 'orientation' | 'position'> = { orientation: null, position: null };

function imagePixel({ isInColour, bits, signed }: KeptImage): Record<string, unknown> {
  const shownBits = isInColour ? 8 : bits;
  return {
    pixelRepresentation: signed ? 1 : 0,
    bitsAllocated: shownBits,
    bitsStored: shownBits,
    highBit: shownBits - 1,
    // Inversion of MONOCHROME1 is the viewport's own state here.
    photometricInterpretation: isInColour ? 'RGB' : 'MONOCHROME2',
    samplesPerPixel: isInColour ? 3 : 1,
  };
}
