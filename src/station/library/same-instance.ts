// Whether two files hold the same instance although their bytes differ: a node that sends an instance on writes a meta
// header of its own, and may choose another transfer syntax, other sequence lengths or no padding.
import { readFileSync } from 'node:fs';
import type { DataSet, Element, Item } from './dataset.ts';
import { parseDataset } from './parse-dataset.ts';
import { isEncapsulatedSyntax } from './transfer-syntax.ts';
import { isTextual, latin1Of } from './values.ts';

const dataSetTrailingPadding = 0xfffcfffc;
/** DerivationDescription and DerivationCodeSequence: encoders say there that they compressed, also without loss. */
const derivation: ReadonlySet<number> = new Set([0x00082111, 0x00089215]);

/** NumberOfFrames, Rows, Columns: of group 0028, which describes the coding, what no coding changes. */
const extent: ReadonlySet<number> = new Set([0x00280008, 0x00280010, 0x00280011]);

/** Null where one of the files cannot be read. Both are read whole. */
export function isSameInstance(a: string, b: string): boolean | null {
  let bytesOfA: Buffer;
  let bytesOfB: Buffer;
  try {
    bytesOfA = readFileSync(a);
    bytesOfB = readFileSync(b);
  } catch {
    return null;
  }
  if (bytesOfA.equals(bytesOfB)) return true;
  return isSameDataSet(parseDataset(bytesOfA), parseDataset(bytesOfB));
}

/**
 * Element by element, whatever the encoding. Between transfer syntaxes that encode pixels differently, the pixels,
 * their description (group 0028, but for their extent) and how they were derived are not compared: a SOP Instance UID stays the same only where nothing is lost
 * (PS3.4 A.1.1, PS3.3 C.7.6.1.1.5).
 */
export function isSameDataSet(a: DataSet, b: DataSet): boolean {
  const isOtherCoding =
    a.transferSyntaxUID !== b.transferSyntaxUID &&
    (isEncapsulatedSyntax(a.transferSyntaxUID) || isEncapsulatedSyntax(b.transferSyntaxUID));
  if (isLossy(a) !== isLossy(b)) return false;
  const isCompared = ({ tag }: Element): boolean => {
    const group = tag >>> 16;
    if ((tag & 0xffff) === 0 || tag === dataSetTrailingPadding) return false;
    if (!isOtherCoding || extent.has(tag)) return true;
    return group !== 0x0028 && group !== 0x7fe0 && !derivation.has(tag);
  };
  return isSameItem({ dataSet: a, item: a }, { dataSet: b, item: b }, isCompared);
}

/** LossyImageCompression (PS3.3 C.7.6.1.1.5). */
const isLossy = (dataSet: DataSet): boolean => {
  const element = dataSet.elements.get(0x00282110);
  return element !== undefined && latin1Of(dataSet, element, 2) === '01';
};

interface Placed {
  readonly dataSet: DataSet;
  readonly item: Item;
}

function isSameItem(a: Placed, b: Placed, isCompared: (element: Element) => boolean): boolean {
  const ofA = [...a.item.elements.values()].filter(isCompared);
  const ofB = [...b.item.elements.values()].filter(isCompared);
  if (ofA.length !== ofB.length) return false;
  return ofA.every((element) => {
    const other = b.item.elements.get(element.tag);
    if (other === undefined) return false;
    // A private sequence in implicit encoding is not known for one: there is nothing to compare it by.
    if ((element.items === null) !== (other.items === null)) return element.vr === 'UN' || other.vr === 'UN';
    if (element.items !== null && other.items !== null) {
      const items = other.items;
      return (
        element.items.length === items.length &&
        element.items.every((item, index) =>
          isSameItem({ dataSet: a.dataSet, item }, { dataSet: b.dataSet, item: items[index]! }, isCompared),
        )
      );
    }
    const value = unpadded(a.dataSet, element);
    const otherValue = unpadded(b.dataSet, other);
    // Numbers in another byte order: their count must do.
    if (element.bigEndian !== other.bigEndian && !isTextual(element.vr)) return element.length === other.length;
    return value.equals(otherValue);
  });
}

function unpadded({ bytes }: DataSet, { offset, length, vr }: Element): Buffer {
  let end = offset + length;
  if (isTextual(vr)) while (end > offset && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0)) end -= 1;
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, end - offset);
}
