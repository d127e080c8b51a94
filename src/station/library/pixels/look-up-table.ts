// Tables of the Modality and VOI LUT sequences (PS3.3 C.11.1, C.11.2), read and applied.
import type { LookUpTable } from '../../../contract/dicom.ts';
import type { DataSet, Item } from '../dataset.ts';
import { bytesAt, numbersAt } from './attributes.ts';

const tableTags = { LUTDescriptor: 0x00283002, LUTData: 0x00283006 } as const;

/**
 * The first table of the sequence `tag`; null where there is none or it is cut short.
 * @param isSigned whether its inputs may be negative: the descriptor's second number is then a signed one.
 */
export function lookUpTable(dataset: DataSet, item: Item, tag: number, isSigned: boolean): LookUpTable | null {
  const table = item.elements.get(tag)?.items?.[0];
  if (table === undefined) return null;
  const [declared, first, bits] = numbersAt(dataset, table, tableTags.LUTDescriptor, 3) ?? [];
  if (declared === undefined || first === undefined || bits === undefined) return null;
  // 0 stands for 65536 entries; read as SS, large numbers came out negative.
  const entries = (declared & 0xffff) === 0 ? 65_536 : declared & 0xffff;
  if (bits < 1 || bits > 16) return null;
  const values = entriesOf(bytesAt(dataset, table, tableTags.LUTData), entries, bits, dataset.bigEndian);
  if (values === null) return null;
  return { firstValue: isSigned && first > 32_767 ? first - 65_536 : first, values, bits };
}

/** 8-bit tables come one entry to a byte or to a word. */
function entriesOf(
  bytes: Uint8Array,
  entries: number,
  bits: number,
  bigEndian: boolean,
): Uint16Array<ArrayBuffer> | null {
  if (bytes.length >= entries * 2) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Uint16Array.from({ length: entries }, (_, index) => view.getUint16(index * 2, !bigEndian));
  }
  return bits <= 8 && bytes.length >= entries ? Uint16Array.from(bytes.subarray(0, entries)) : null;
}

/** The output for an input; those beyond the ends take the end's. */
export function lookedUp({ firstValue, values }: LookUpTable, input: number): number {
  return values[Math.max(0, Math.min(values.length - 1, Math.round(input) - firstValue))]!;
}
