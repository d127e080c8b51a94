// Orientation of a JPEG picture as its EXIF segment has it (CIPA DC-008 4.6.4): 1 as stored, 2 to 8 mirrored or turned.
import { segmentAt } from '../pixels/jpeg/markers.ts';

const app1 = 0xe1;
const startOfScan = 0xda;
const orientationTag = 0x0112;

/** 1 where the file does not say. */
export function exifOrientation(bytes: Uint8Array): number {
  for (let segment = segmentAt(bytes, 2); segment !== null; segment = segmentAt(bytes, segment.end)) {
    if (segment.marker === startOfScan) break;
    const content = bytes.subarray(segment.offset, segment.end);
    if (segment.marker !== app1 || Buffer.from(content.subarray(0, 6)).toString('latin1') !== 'Exif\0\0') continue;
    return orientationIn(content.subarray(6));
  }
  return 1;
}

/** Of the first directory of a TIFF structure (TIFF 6.0). */
function orientationIn(tiff: Uint8Array): number {
  if (tiff.length < 8) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const little = tiff[0] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry += 1) {
    const at = directory + 2 + entry * 12;
    if (at + 12 > tiff.length) break;
    if (view.getUint16(at, little) !== orientationTag) continue;
    const orientation = view.getUint16(at + 8, little);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  return 1;
}
