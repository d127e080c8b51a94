// Frames as Cornerstone's images. The station decodes, the same way as for training; nothing is decoded here.
import type { Types } from '@cornerstonejs/core';
import { Enums, utilities } from '@cornerstonejs/core';
import type { Frame } from '../../contract/dicom.ts';
import type { FrameStore } from './frame-store.ts';
import { parseImageId } from './image-id.ts';
import type { ImageModules } from './image-modules.ts';
import { pixelSize } from './placement.ts';
import { type ShownValues, shownValues } from './shown-values.ts';
import { initialWindow, isColour, windowEnds } from './window-level.ts';

/** A loader for Cornerstone over the window's frames; what it learns of an image goes to `modules` before the image is there. */
export function frameLoader(frames: FrameStore, modules: ImageModules): Types.ImageLoaderFn {
  return (imageId) => ({ promise: load(imageId) });

  async function load(imageId: string): Promise<Types.IImage> {
    const named = parseImageId(imageId);
    if (!named) throw new Error(`${imageId} is no image of ImagiQ`);
    const frame = await frames.whole(named.sopInstanceUID, named.frame);
    modules.keep(imageId, frame, named.isInVolume === true);
    return cornerstoneImage(imageId, frame, named.isThroughTable);
  }
}

function cornerstoneImage(imageId: string, frame: Frame, isThroughTable: boolean): Types.IImage {
  const values = shownValues(frame, isThroughTable);
  const isInColour = isColour(frame);
  const { columns, rows, geometry } = frame;
  const pixel = pixelSize(geometry);
  // Cornerstone reads centre and width by the linear function, whatever the file's: the same ends, told in its way.
  const { lower, upper } = windowEnds(initialWindow(frame));
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({
    scalarData: values,
    width: columns,
    height: rows,
    numberOfComponents: isInColour ? 3 : 1,
  });
  return {
    imageId,
    minPixelValue: isInColour ? 0 : least(values),
    maxPixelValue: isInColour ? 255 : greatest(values),
    slope: 1,
    intercept: 0,
    windowCenter: (lower + upper + 1) / 2,
    windowWidth: upper - lower + 1,
    // The viewport sets window and function itself, from the state that the reader changes.
    voiLUTFunction: Enums.VOILUTFunctionType.LINEAR,
    rows,
    columns,
    height: rows,
    width: columns,
    color: isInColour,
    rgba: false,
    numberOfComponents: isInColour ? 3 : 1,
    columnPixelSpacing: pixel.width,
    rowPixelSpacing: pixel.height,
    invert: false,
    photometricInterpretation: isInColour ? 'RGB' : 'MONOCHROME2',
    sizeInBytes: values.byteLength,
    dataType: dataTypeOf(values),
    voxelManager,
    getPixelData: () => values,
    // Only Cornerstone's painting without WebGL asks for it, which is not used here.
    getCanvas: () => document.createElement('canvas'),
    preScale: { enabled: true, scaled: true },
    ...(geometry.frameOfReferenceUID === null ? {} : { FrameOfReferenceUID: geometry.frameOfReferenceUID }),
    ...(geometry.sliceThicknessMm === null ? {} : { sliceThickness: geometry.sliceThicknessMm }),
  };
}

function dataTypeOf(values: ShownValues): Types.PixelDataTypedArrayString {
  if (values instanceof Uint8Array) return 'Uint8Array';
  if (values instanceof Int16Array) return 'Int16Array';
  return values instanceof Uint16Array ? 'Uint16Array' : 'Float32Array';
}

function least(values: ShownValues): number {
  let found = Number.POSITIVE_INFINITY;
  for (const value of values) if (value < found) found = value;
  return found;
}

function greatest(values: ShownValues): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > found) found = value;
  return found;
}
