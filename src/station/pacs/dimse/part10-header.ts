// The beginning of a Part-10 file (PS3.10 7.1) for a data set that came over the network: preamble and meta header.
import { implementationClassUID, implementationVersionName } from './pdu.ts';

export interface Part10Source {
  readonly sopClassUID: string;
  readonly sopInstanceUID: string;
  readonly transferSyntaxUID: string;
  readonly sourceAETitle: string;
}

export function part10Header({ sopClassUID, sopInstanceUID, transferSyntaxUID, sourceAETitle }: Part10Source): Buffer {
  const version = Buffer.alloc(14);
  version.writeUInt16LE(2, 0);
  version.writeUInt16LE(1, 2);
  version.write('OB', 4, 'latin1');
  version.writeUInt32LE(2, 8);
  version[13] = 1;
  const elements = Buffer.concat([
    version,
    metaElement(0x0002, 'UI', sopClassUID),
    metaElement(0x0003, 'UI', sopInstanceUID),
    metaElement(0x0010, 'UI', transferSyntaxUID),
    metaElement(0x0012, 'UI', implementationClassUID),
    metaElement(0x0013, 'SH', implementationVersionName),
    metaElement(0x0016, 'AE', sourceAETitle),
  ]);
  const head = Buffer.alloc(144);
  head.write('DICM', 128, 'latin1');
  head.writeUInt16LE(2, 132);
  head.write('UL', 136, 'latin1');
  head.writeUInt16LE(4, 138);
  head.writeUInt32LE(elements.length, 140);
  return Buffer.concat([head, elements]);
}

function metaElement(element: number, vr: string, text: string): Buffer {
  const value = Buffer.from(text, 'latin1');
  const out = Buffer.alloc(8 + value.length + (value.length % 2), vr === 'UI' ? 0 : 0x20);
  out.writeUInt16LE(2, 0);
  out.writeUInt16LE(element, 2);
  out.write(vr, 4, 'latin1');
  out.writeUInt16LE(out.length - 8, 6);
  value.copy(out, 8);
  return out;
}
