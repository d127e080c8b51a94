// Reading nested items: sequences, UIDs and text, tolerant of what is absent.
import type { DecodeText } from '../library/character-set.ts';
import type { DataSet, Item } from '../library/dataset.ts';
import { codeOf } from '../library/pixels/attributes.ts';
import { textOf } from '../library/values.ts';

/** The items of a sequence; none where it is absent. */
export const itemsAt = (item: Item | undefined, tag: number): readonly Item[] => item?.elements.get(tag)?.items ?? [];

/** A UID, '' where absent or none. */
export function uidAt(dataset: DataSet, item: Item, tag: number): string {
  const uid = codeOf(dataset, item, tag);
  return /^[0-9.]{1,64}$/.test(uid) ? uid : '';
}

/** Text of at most `limit` characters. */
export const textAt = (dataset: DataSet, item: Item, tag: number, decode: DecodeText, limit = 200): string =>
  textOf(dataset, item.elements.get(tag), decode, 4 * limit).slice(0, limit);
