// Identifiers of queries and retrievals (PS3.4 C.2.2): a flat data set written, and answers read.
import type { DataSet } from '../../library/dataset.ts';
import { part10Head } from '../../library/part10-head.ts';
import { parseDataset } from '../../library/parse-dataset.ts';
import { textOf, topDecoder } from '../../library/values.ts';

export const keys = {
  SpecificCharacterSet: 0x00080005,
  SOPClassUID: 0x00080016,
  SOPInstanceUID: 0x00080018,
  StudyDate: 0x00080020,
  AccessionNumber: 0x00080050,
  QueryRetrieveLevel: 0x00080052,
  Modality: 0x00080060,
  FailedSOPInstanceUIDList: 0x00080058,
  ModalitiesInStudy: 0x00080061,
  StudyDescription: 0x00081030,
  SeriesDescription: 0x0008103e,
  PatientName: 0x00100010,
  PatientID: 0x00100020,
  PatientBirthDate: 0x00100030,
  StudyInstanceUID: 0x0020000d,
  SeriesInstanceUID: 0x0020000e,
  SeriesNumber: 0x00200011,
  NumberOfStudyRelatedSeries: 0x00201206,
  NumberOfStudyRelatedInstances: 0x00201208,
  NumberOfSeriesRelatedInstances: 0x00201209,
} as const;

export type Key = keyof typeof keys;

const representations: Readonly<Record<Key, string>> = {
  SpecificCharacterSet: 'CS',
  SOPClassUID: 'UI',
  SOPInstanceUID: 'UI',
  StudyDate: 'DA',
  AccessionNumber: 'SH',
  QueryRetrieveLevel: 'CS',
  Modality: 'CS',
  FailedSOPInstanceUIDList: 'UI',
  ModalitiesInStudy: 'CS',
  StudyDescription: 'LO',
  SeriesDescription: 'LO',
  PatientName: 'PN',
  PatientID: 'LO',
  PatientBirthDate: 'DA',
  StudyInstanceUID: 'UI',
  SeriesInstanceUID: 'UI',
  SeriesNumber: 'IS',
  NumberOfStudyRelatedSeries: 'IS',
  NumberOfStudyRelatedInstances: 'IS',
  NumberOfSeriesRelatedInstances: 'IS',
};

/** Empty text asks for the value. Text that is not ASCII is written as UTF-8 and declared as such. */
export type Identifier = Readonly<Partial<Record<Key, string>>>;

const implicitLittleEndian = '1.2.840.10008.1.2';

/** In the context's transfer syntax, implicit or explicit little endian. */
export function encodeIdentifier(identifier: Identifier, transferSyntaxUID: string): Buffer {
  const isPlain = Object.values(identifier).every((value) => /^[\x20-\x7e]*$/.test(value));
  const whole: Identifier = isPlain ? identifier : { ...identifier, SpecificCharacterSet: 'ISO_IR 192' };
  const isImplicit = transferSyntaxUID === implicitLittleEndian;
  const parts = (Object.keys(keys) as Key[])
    .filter((key) => whole[key] !== undefined)
    .sort((a, b) => keys[a] - keys[b])
    .map((key) => encodeElement(keys[key], representations[key], whole[key] ?? '', isImplicit));
  return Buffer.concat(parts);
}

function encodeElement(tag: number, vr: string, text: string, isImplicit: boolean): Buffer {
  const value = Buffer.from(text, 'utf8');
  const out = Buffer.alloc(8 + value.length + (value.length % 2), vr === 'UI' ? 0 : 0x20);
  out.writeUInt16LE(tag >>> 16, 0);
  out.writeUInt16LE(tag & 0xffff, 2);
  if (isImplicit) out.writeUInt32LE(out.length - 8, 4);
  else {
    out.write(vr, 4, 'latin1');
    // Lists of UIDs are kept short enough by whoever asks.
    out.writeUInt16LE(out.length - 8, 6);
  }
  value.copy(out, 8);
  return out;
}

/** The text of an answer's keys, decoded by its own SpecificCharacterSet; empty where it has none. */
export function decodeIdentifier(bytes: Buffer, transferSyntaxUID: string): (key: Key) => string {
  const head = part10Head({
    sopClassUID: '',
    sopInstanceUID: '',
    transferSyntaxUID,
    versionName: null,
    sourceAETitle: null,
  });
  const dataSet: DataSet = parseDataset(Buffer.concat([head, bytes]), { keepItems: false });
  const decode = topDecoder(dataSet);
  return (key) =>
    textOf(dataSet, dataSet.elements.get(keys[key]), decode, key === 'FailedSOPInstanceUIDList' ? 65_536 : 1_024);
}
