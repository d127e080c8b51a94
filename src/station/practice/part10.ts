// Writes a DICOM file (PS3.10) in Explicit VR Little Endian from a flat list of elements. Only what practice studies
// need: text, numbers, US, one pixel element; no sequences, ASCII only.

/** A text value with its VR, a 16-bit number, or pixels. */
export type ElementValue = string | { us: number } | { ss: number } | { pixels: Int16Array };
export interface Element {
  /** Group and element number as eight hexadecimal digits. */
  readonly tag: string;
  readonly vr: string;
  readonly value: ElementValue;
}

const explicitLittleEndian = '1.2.840.10008.1.2.1';
/** Root of our ImplementationClassUID: a UUID-derived UID (PS3.5 B.2). */
const implementationClassUID = '2.25.224380093481220386012977043105482905871';

/** The bytes of a Part-10 file; `elements` in any order, without file meta information. */
export function encodePart10(elements: readonly Element[], sopClassUID: string, sopInstanceUID: string): Uint8Array {
  const meta = [
    encodeElement({ tag: '00020002', vr: 'UI', value: sopClassUID }),
    encodeElement({ tag: '00020003', vr: 'UI', value: sopInstanceUID }),
    encodeElement({ tag: '00020010', vr: 'UI', value: explicitLittleEndian }),
    encodeElement({ tag: '00020012', vr: 'UI', value: implementationClassUID }),
    encodeElement({ tag: '00020013', vr: 'SH', value: 'IMAGIQ_PRACTICE' }),
  ];
  const version = longElement('00020001', 'OB', Buffer.from([0, 1]));
  const groupLength = Buffer.alloc(12);
  groupLength.writeUInt16LE(2, 0);
  groupLength.write('UL', 4, 'latin1');
  groupLength.writeUInt16LE(4, 6);
  groupLength.writeUInt32LE(
    [version, ...meta].reduce((sum, bytes) => sum + bytes.length, 0),
    8,
  );
  const body = [...elements].sort((a, b) => (a.tag < b.tag ? -1 : 1)).map(encodeElement);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), groupLength, version, ...meta, ...body]);
}

function encodeElement({ tag, vr, value }: Element): Buffer {
  if (typeof value !== 'string' && 'pixels' in value) {
    return longElement(tag, vr, Buffer.from(value.pixels.buffer, value.pixels.byteOffset, value.pixels.byteLength));
  }
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.alloc(2);
  if (typeof value !== 'string') {
    if ('us' in value) bytes.writeUInt16LE(value.us);
    else bytes.writeInt16LE(value.ss);
  }
  const odd = bytes.length % 2;
  const out = Buffer.alloc(8 + bytes.length + odd, vr === 'UI' ? 0 : 0x20);
  writeTag(out, tag, vr);
  out.writeUInt16LE(bytes.length + odd, 6);
  bytes.copy(out, 8);
  return out;
}

/** An element whose VR has a 32-bit length (PS3.5 7.1.2). */
function longElement(tag: string, vr: string, bytes: Buffer): Buffer {
  const out = Buffer.alloc(12 + bytes.length + (bytes.length % 2));
  writeTag(out, tag, vr);
  out.writeUInt32LE(bytes.length + (bytes.length % 2), 8);
  bytes.copy(out, 12);
  return out;
}

function writeTag(out: Buffer, tag: string, vr: string): void {
  out.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  out.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  out.write(vr, 4, 'latin1');
}
