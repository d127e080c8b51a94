// One frame of a DICOM file as stored values: the only door to pixels for the viewer, thumbnails and data sets alike.
import type { Frame } from '../../../contract/dicom.ts';
import type { DataSet, PixelData } from '../dataset.ts';
import { parseDataset } from '../parse-dataset.ts';
import { readFragments } from '../pixel-fragments.ts';
import { tags } from '../tags.ts';
import { isEncapsulatedSyntax } from '../transfer-syntax.ts';
import type { DecodedSamples } from './decoded-samples.ts';
import { decodeEncapsulated, isDecodableSyntax, undecodable } from './encapsulated.ts';
import { pixelFaults } from './faults.ts';
import { frameBytes } from './frame-bytes.ts';
import { framesPerSecond } from './frame-rate.ts';
import { frameGeometry } from './geometry.ts';
import { frameLimitBytes, imageDescription, type ImageDescription } from './image-description.ts';
import { modalityDescription } from './modality.ts';
import { nativeFrame } from './native.ts';
import { originOf } from './origin.ts';
import { paletteOf } from './palette.ts';
import { storedValues } from './stored-values.ts';
import { uptakeOf } from './uptake.ts';
import { openWasmCodecs, type WasmCodecs } from './wasm-codecs.ts';

/**
 * Decodes `frame` (counted from 1) of the DICOM file in `bytes`.
 * @throws Fault 107 where the bytes are no DICOM, 15x with the reason where the frame cannot be decoded.
 */
export async function readFrame(
  bytes: Uint8Array,
  frame: number,
  codecs: WasmCodecs = openWasmCodecs(),
): Promise<Frame> {
  return readFrameOf(parseDataset(bytes), frame, codecs);
}

/** As `readFrame`, of a data set already parsed with its pixel data and items. */
export async function readFrameOf(dataset: DataSet, frame: number, codecs: WasmCodecs): Promise<Frame> {
  const data = dataset.pixelData;
  if (data === null || (data.length === 0 && data.fragments.length === 0)) throw pixelFaults.noPixelData();
  if (data.tag !== tags.PixelData) throw pixelFaults.unsupported('pixels stored as floating-point numbers');
  const image = imageDescription(dataset);
  if (!Number.isInteger(frame) || frame < 1 || frame > image.frames) throw pixelFaults.noSuchFrame(frame, image.frames);
  const decoded = await decodedFrame(dataset, asFragments(dataset, data, image), image, frame - 1, codecs);
  checkShape(decoded, image);
  const { bytes, isSigned, precision } = storedValues(decoded, image);
  const palette = decoded.photometric === 'PALETTE COLOR' ? paletteOf(dataset) : null;
  const uptake = uptakeOf(dataset);
  const rate = image.frames > 1 ? framesPerSecond(dataset) : null;
  return {
    rows: decoded.rows,
    columns: decoded.columns,
    samples: decoded.samples,
    bits: decoded.bits,
    signed: isSigned,
    ...(decoded.samples === 3 && precision < decoded.bits ? { colourBits: precision } : {}),
    photometric: decoded.photometric,
    transferSyntax: dataset.transferSyntaxUID,
    pixels: bytes,
    ...modalityDescription(dataset, frame - 1),
    geometry: frameGeometry(dataset, frame - 1),
    origin: originOf(dataset, frame - 1),
    ...(uptake === null ? {} : { uptake }),
    ...(rate === null ? {} : { framesPerSecond: rate }),
    ...(palette === null ? {} : { palette }),
  };
}

/**
 * Writers exist that give a compressed value a length, with its items or with the codestream alone. What is as long as
 * the pixels themselves is believed to be them.
 */
function asFragments(dataset: DataSet, data: PixelData, image: ImageDescription): PixelData {
  const pixelBytes = (image.rows * image.columns * image.samples * image.bitsAllocated * image.frames) / 8;
  if (data.encapsulated || !isEncapsulatedSyntax(dataset.transferSyntaxUID) || data.length >= pixelBytes) return data;
  const { offset, length } = data;
  const { fragments, basicOffsets } = readFragments(dataset.bytes, offset, offset + length);
  return {
    ...data,
    encapsulated: true,
    fragments: fragments.length > 0 ? fragments : [{ offset, length }],
    basicOffsets,
  };
}

function decodedFrame(
  dataset: DataSet,
  data: PixelData,
  image: ImageDescription,
  frame: number,
  codecs: WasmCodecs,
): DecodedSamples | Promise<DecodedSamples> {
  if (!data.encapsulated) {
    // Written whole although compressed ones were announced: that is believed of a syntax that is known.
    if (!isDecodableSyntax(dataset.transferSyntaxUID)) throw undecodable(dataset.transferSyntaxUID);
    return nativeFrame(dataset, data, image, frame);
  }
  const encoded = frameBytes(dataset, data, image.frames, frame);
  return decodeEncapsulated(dataset.transferSyntaxUID, encoded, image, codecs);
}

/** A codestream may disagree with the header; then neither can be trusted to be this instance's image. */
function checkShape(decoded: DecodedSamples, image: ImageDescription): void {
  const { rows, columns, samples, bits, bytes } = decoded;
  if (rows !== image.rows || columns !== image.columns || samples !== image.samples) {
    throw pixelFaults.badDescription(
      `the header says ${image.columns} × ${image.rows} × ${image.samples}, the compressed image ${columns} × ${rows} × ${samples}`,
    );
  }
  const needs = rows * columns * samples * (bits / 8);
  if (bytes.length !== needs || needs > frameLimitBytes) {
    throw pixelFaults.damaged('compressed', `it holds ${bytes.length} of ${needs} bytes`);
  }
}
