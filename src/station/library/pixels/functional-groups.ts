// Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16): a macro's item is the frame's own or the shared one.
import type { DataSet, Item } from '../dataset.ts';

const sequenceTags = {
  SharedFunctionalGroupsSequence: 0x52009229,
  PerFrameFunctionalGroupsSequence: 0x52009230,
} as const;

/** The first item of the macro `tag` for a frame counted from 0; null where no functional group has it. */
export function functionalGroup(dataset: DataSet, frame: number, tag: number): Item | null {
  const perFrame = dataset.elements.get(sequenceTags.PerFrameFunctionalGroupsSequence)?.items?.[frame];
  const shared = dataset.elements.get(sequenceTags.SharedFunctionalGroupsSequence)?.items?.[0];
  return firstItem(perFrame, tag) ?? firstItem(shared, tag);
}

const firstItem = (item: Item | undefined, tag: number): Item | null => item?.elements.get(tag)?.items?.[0] ?? null;
