// PNG and JPEG pictures as Secondary Capture images (PS3.3 A.8.1).
import { Fault } from '../../../contract/fault.ts';
import { libraryFaults } from '../faults.ts';
import { jpegHeader, segmentAt, type JpegHeader } from '../pixels/jpeg/markers.ts';
import { exifOrientation } from './exif-orientation.ts';
import { pngPixels } from './png-pixels.ts';
import { element, secondaryCapture, type Wrapped, type WrappedFile, wrappedObject } from './wrapped-object.ts';
import type { Element } from '../encode-part10.ts';

const explicitLittleEndian = '1.2.840.10008.1.2.1';

interface PixelDescription {
  readonly rows: number;
  readonly columns: number;
  readonly samples: 1 | 3;
  readonly bitsAllocated: 1 | 8 | 16;
  readonly bitsStored: number;
  readonly photometric: string;
}

/** The Image Pixel module (PS3.3 C.7.6.3) of unsigned pixels. */
export function imagePixelElements(pixels: PixelDescription): Element[] {
  return [
    element('00280002', 'US', { us: pixels.samples }),
    element('00280004', 'CS', pixels.photometric),
    ...(pixels.samples === 3 ? [element('00280006', 'US', { us: 0 })] : []),
    element('00280010', 'US', { us: pixels.rows }),
    element('00280011', 'US', { us: pixels.columns }),
    element('00280100', 'US', { us: pixels.bitsAllocated }),
    element('00280101', 'US', { us: pixels.bitsStored }),
    element('00280102', 'US', { us: pixels.bitsStored - 1 }),
    element('00280103', 'US', { us: 0 }),
  ];
}

/** Pixels are decoded and written as they are; transparency is laid over black. @throws Fault 107 */
export function wrapPng(file: WrappedFile): Wrapped {
  const { rows, columns, samples, bits, pixels } = pngPixels(file.bytes);
  const photometric = samples === 3 ? 'RGB' : 'MONOCHROME2';
  const object = wrappedObject(file, {
    sopClassUID: secondaryCapture.single,
    transferSyntaxUID: explicitLittleEndian,
    elements: [
      ...imagePixelElements({ rows, columns, samples, bitsAllocated: bits, bitsStored: bits, photometric }),
      element('7FE00010', 'OW', { bytes: pixels }),
    ],
  });
  return { object };
}

/** The JPEG stream itself, bit for bit, as the one fragment of an encapsulated image. @throws Fault 107 */
export function wrapJpeg(file: WrappedFile): Wrapped {
  const header = checkedHeader(file.bytes);
  const { rows, columns, components, precision } = header;
  const samples = components.length === 1 ? 1 : 3;
  const bitsAllocated = precision > 8 ? 16 : 8;
  const photometric = jpegPhotometric(header);
  const isLossless = header.process === 0xc3;
  const ratio = (rows * columns * samples * bitsAllocated) / 8 / file.bytes.length;
  const object = wrappedObject(file, {
    sopClassUID: secondaryCapture.single,
    transferSyntaxUID: transferSyntaxOf(header),
    elements: [
      ...imagePixelElements({ rows, columns, samples, bitsAllocated, bitsStored: precision, photometric }),
      element('00282110', 'CS', isLossless ? '00' : '01'),
      ...(isLossless ? [] : [element('00282112', 'DS', ratio.toFixed(2)), element('00282114', 'CS', 'ISO_10918_1')]),
      element('7FE00010', 'OB', { fragments: [file.bytes] }),
    ],
  });
  const orientation = exifOrientation(file.bytes);
  if (orientation === 1) return { object };
  const what = `EXIF Orientation ${orientation}: picture viewers turn or mirror it, here it is as it was stored.`;
  return { object, remark: { kind: 'unturned', what } };
}

function checkedHeader(bytes: Uint8Array): JpegHeader {
  let header: JpegHeader;
  try {
    header = jpegHeader(bytes);
  } catch (error) {
    throw error instanceof Fault ? refusal('it has no readable header') : error;
  }
  const { process, precision, components, rows, columns } = header;
  if (rows === 0 || columns === 0) throw refusal('it does not tell its size');
  if (components.length === 4) throw unsupported('CMYK colours');
  if (components.length !== 1 && components.length !== 3) throw unsupported(`${components.length} colour components`);
  if (process > 0xc3) throw unsupported(process >= 0xc9 ? 'arithmetic coding' : 'a hierarchical process');
  if (process < 0xc3 && precision !== 8 && precision !== 12) throw unsupported(`${precision} bits per sample`);
  if (process === 0xc2 && precision !== 8) throw unsupported(`a progressive image of ${precision} bits per sample`);
  if (!hasEnd(bytes)) throw refusal('it ends before its last line');
  return header;
}

/** Whether an end marker follows the first scan: pictures inside the metadata before it have ends of their own. */
function hasEnd(bytes: Uint8Array): boolean {
  for (let segment = segmentAt(bytes, 2); segment !== null; segment = segmentAt(bytes, segment.end)) {
    if (segment.marker !== 0xda) continue;
    const rest = Buffer.from(bytes.buffer, bytes.byteOffset + segment.end, bytes.length - segment.end);
    return rest.lastIndexOf(Buffer.from([0xff, 0xd9])) >= 0;
  }
  return false;
}

/** PS3.5 A.4.1 and, for the full progression that PS3.5 retired, its 2001 edition. */
function transferSyntaxOf({ process, precision }: JpegHeader): string {
  if (process === 0xc0 || (process === 0xc1 && precision === 8)) return '1.2.840.10008.1.2.4.50';
  if (process === 0xc1) return '1.2.840.10008.1.2.4.51';
  if (process === 0xc2) return '1.2.840.10008.1.2.4.55';
  return '1.2.840.10008.1.2.4.57';
}

/** What the three components are: JFIF and Adobe segments say it, else the components' names do. */
function jpegPhotometric({ components, adobeTransform, hasJfif, process }: JpegHeader): string {
  if (components.length === 1) return 'MONOCHROME2';
  const names = String.fromCharCode(...components.map(({ id }) => id));
  const isRgb = adobeTransform === null ? !hasJfif && names === 'RGB' : adobeTransform === 0;
  if (isRgb || process === 0xc3) return 'RGB';
  const isSubsampled = components.some(
    ({ horizontal, vertical }) => horizontal !== components[0]!.horizontal || vertical !== components[0]!.vertical,
  );
  return isSubsampled ? 'YBR_FULL_422' : 'YBR_FULL';
}

const refusal = (why: string): Fault => libraryFaults.notDicom(`The JPEG picture is damaged: ${why}.`);
const unsupported = (what: string): Fault =>
  libraryFaults.notDicom(`The JPEG picture has ${what}, which cannot be imported: save it as a PNG and import that.`);
