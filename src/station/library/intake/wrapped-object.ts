// What every wrapped picture and volume says of itself (PS3.3 A.8): identity from the file's content, nothing of a
// patient that the file does not tell.
import { createHash } from 'node:crypto';
import { type Element, type ElementValue, encodePart10 } from '../encode-part10.ts';

export interface WrappedFile {
  /** The file as it was found. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`, hexadecimal: all UIDs derive from it. */
  readonly content: string;
  /** The file's name without folders. */
  readonly name: string;
  /** PatientID that a labels file gave; null: the file is a patient of its own. */
  readonly patient: string | null;
}

/** A wrapped file's Part-10 bytes, and what a person should know of them. */
export interface Wrapped {
  readonly object: Uint8Array;
  readonly remark?: { readonly kind: 'rounded-values' | 'unturned'; readonly what: string };
}

export interface WrappedImage {
  readonly sopClassUID: string;
  readonly transferSyntaxUID: string;
  /** Of what is made from more than the file; else from the file's content. */
  readonly sopInstanceUID?: string;
  readonly seriesInstanceUID?: string;
  /** Image Pixel module and whatever else the kind of image needs; they take the place of what every object has. */
  readonly elements: readonly Element[];
}

export const secondaryCapture = {
  single: '1.2.840.10008.5.1.4.1.1.7',
  multiFrameByte: '1.2.840.10008.5.1.4.1.1.7.2',
  multiFrameWord: '1.2.840.10008.5.1.4.1.1.7.3',
  multiFrameColor: '1.2.840.10008.5.1.4.1.1.7.4',
} as const;

/** PatientID of a file that is a patient of its own begins so. */
export const ownPatientPrefix = 'file-';

/** A UID under 2.25 (PS3.5 B.2) that depends on what is given alone. */
export function derivedUid(...names: readonly string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['imagiq wrapped', ...names]))
    .digest();
  // The variant and version bits of a name-based UUID (RFC 9562 5.8).
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${digest.toString('hex').slice(0, 32)}`)}`;
}

export const element = (tag: string, vr: string, value: ElementValue): Element => ({ tag, vr, value });

/** Part-10 bytes of a wrapped file: the same for the same content, name and patient. */
export function wrappedObject({ content, name, patient }: WrappedFile, image: WrappedImage): Uint8Array {
  const { sopClassUID, sopInstanceUID = derivedUid('instance', content) } = image;
  const { seriesInstanceUID = derivedUid('series', content) } = image;
  const shown = textValue(name);
  const common = [
    element('00080005', 'CS', 'ISO_IR 192'),
    element('00080008', 'CS', 'DERIVED\\SECONDARY'),
    element('00080016', 'UI', sopClassUID),
    element('00080018', 'UI', sopInstanceUID),
    element('00080020', 'DA', ''),
    element('00080030', 'TM', ''),
    element('00080050', 'SH', ''),
    element('00080060', 'CS', 'OT'),
    // Written by a workstation, from what is no DICOM (PS3.3 C.8.6.1).
    ...(sopClassUID.startsWith(secondaryCapture.single) ? [element('00080064', 'CS', 'WSD')] : []),
    element('00080070', 'LO', ''),
    element('00080090', 'PN', ''),
    element('0008103E', 'LO', shown),
    element('00100010', 'PN', patient === null ? personName(shown) : personName(textValue(patient))),
    element('00100020', 'LO', patient === null ? `${ownPatientPrefix}${content.slice(0, 16)}` : textValue(patient)),
    element('00100030', 'DA', ''),
    element('00100040', 'CS', ''),
    // A patient's pictures are one study, and each picture or volume a series of its own.
    element('0020000D', 'UI', patient === null ? derivedUid('study', content) : derivedUid('patient', patient)),
    element('0020000E', 'UI', seriesInstanceUID),
    element('00200010', 'SH', ''),
    element('00200011', 'IS', ''),
    element('00200013', 'IS', '1'),
    element('00200020', 'CS', ''),
    element('00200060', 'CS', ''),
  ];
  const own = new Set(image.elements.map(({ tag }) => tag));
  const all = [...common.filter(({ tag }) => !own.has(tag)), ...image.elements];
  return encodePart10(all, sopClassUID, sopInstanceUID, {
    transferSyntaxUID: image.transferSyntaxUID,
    versionName: 'IMAGIQ_WRAPPED',
  });
}

/** As a value of VR LO: no control characters, no backslash, at most 64 characters, the end kept. */
export function textValue(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  const plain = text.replace(/[\u0000-\u001f\u007f\\]/g, '_').trim();
  return Array.from(plain).slice(-64).join('');
}

/** As one component of a PN value, without an extension of a file. */
const personName = (text: string): string => text.replace(/\.(png|jpe?g|nii|nii\.gz)$/i, '').replace(/[\^=]/g, '_');

/** A number as a decimal string of at most 16 characters (PS3.5 6.2, VR DS). */
export function decimalString(value: number): string {
  for (let digits = 16; digits > 0; digits -= 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  return '0';
}
