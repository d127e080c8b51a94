// Key images: measurements of a kind that means the whole image.
import type { Measurement } from '../../contract/annotation.ts';
import type { FrameStore } from './frame-store.ts';
import { placeIn, stackOf } from './stack.ts';
import type { StackView } from './stack-view.svelte.ts';

/** The key image after the one that is shown, in the order of the study's series and images; after the last one the first. */
export async function nextKeyImage(
  { study, series: shown, index }: StackView,
  measurements: readonly Measurement[],
  frames: FrameStore,
): Promise<Measurement | null> {
  const order: { readonly mark: Measurement; readonly isAfter: boolean }[] = [];
  let isAfter = false;
  for (const { seriesInstanceUID } of study.series) {
    const marks = measurements.filter((one) => one.kind === 'key-image' && one.seriesInstanceUID === seriesInstanceUID);
    const stack = marks.length > 0 ? stackOf((await frames.instances(seriesInstanceUID)).instances) : [];
    const placed = marks.map((mark) => ({ mark, place: placeIn(stack, mark.sopInstanceUID, mark.frame) }));
    const isShown = shown?.seriesInstanceUID === seriesInstanceUID;
    for (const { mark, place } of placed.sort((one, other) => one.place - other.place))
      order.push({ mark, isAfter: isAfter || (isShown && place > index) });
    isAfter ||= isShown;
  }
  return (order.find((one) => one.isAfter) ?? order[0])?.mark ?? null;
}
