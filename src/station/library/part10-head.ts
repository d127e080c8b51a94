// The beginning of a Part 10 file (PS3.10 7.1), in front of a data set: preamble, prefix and file meta information.

/** Our ImplementationClassUID: a UUID-derived UID (PS3.5 B.2). */
export const implementationClassUID = '2.25.224380093481220386012977043105482905871';

export interface Part10Source {
  readonly sopClassUID: string;
  readonly sopInstanceUID: string;
  readonly transferSyntaxUID: string;
  /** ImplementationVersionName; absent where null. */
  readonly versionName: string | null;
  /** SourceApplicationEntityTitle of a file that came over the network; absent where null. */
  readonly sourceAETitle: string | null;
}

export const part10Preamble: Buffer = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1')]);

/** PS3.10 table 7.1-1, in explicit VR little endian. */
export function part10Head(source: Part10Source): Buffer {
  const rest = Buffer.concat([
    metaElement(0x0001, 'OB', Buffer.of(0, 1)),
    metaElement(0x0002, 'UI', source.sopClassUID),
    metaElement(0x0003, 'UI', source.sopInstanceUID),
    metaElement(0x0010, 'UI', source.transferSyntaxUID),
    metaElement(0x0012, 'UI', implementationClassUID),
    ...(source.versionName === null ? [] : [metaElement(0x0013, 'SH', source.versionName)]),
    ...(source.sourceAETitle === null ? [] : [metaElement(0x0016, 'AE', source.sourceAETitle)]),
  ]);
  const restBytes = Buffer.alloc(4);
  restBytes.writeUInt32LE(rest.length);
  return Buffer.concat([part10Preamble, metaElement(0x0000, 'UL', restBytes), rest]);
}

function metaElement(element: number, vr: string, content: string | Buffer): Buffer {
  const value = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const padded = value.length + (value.length % 2);
  // OB has two reserved bytes and a length of 32 bits (PS3.5 7.1.2).
  const headBytes = vr === 'OB' ? 12 : 8;
  const out = Buffer.alloc(headBytes + padded, vr === 'SH' || vr === 'AE' ? 0x20 : 0);
  out.writeUInt16LE(2, 0);
  out.writeUInt16LE(element, 2);
  out.write(vr, 4, 'latin1');
  if (vr === 'OB') {
    out.writeUInt16LE(0, 6);
    out.writeUInt32LE(padded, 8);
  } else out.writeUInt16LE(padded, 6);
  value.copy(out, headBytes);
  return out;
}
