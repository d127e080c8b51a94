// Viewports that follow one another: in place, and in window and zoom.
import type { FrameStore } from './frame-store.ts';
import { nearestSlice } from './slice-match.ts';
import type { StackView } from './stack-view.svelte.ts';

export type FollowedBy = 'position' | 'number';

/** Brings `follower` to where `leader` is: by position in the patient where both tell it, else by the number of the image. */
export function followPlace(leader: StackView, follower: StackView, frames: FrameStore): FollowedBy {
  const at = leader.item;
  const geometry = at ? frames.geometryOf(at.instance.sopInstanceUID, at.frame) : undefined;
  const places = follower.stack.map(({ instance, frame }) => frames.geometryOf(instance.sopInstanceUID, frame));
  const nearest = geometry ? nearestSlice(geometry, places) : null;
  follower.show(nearest ?? leader.index);
  return nearest === null ? 'number' : 'position';
}

export function followLook(leader: StackView, follower: StackView): void {
  // A window in one modality's units says nothing in another's.
  const isSameKind = leader.series?.modality === follower.series?.modality;
  follower.look.follow(
    isSameKind ? leader.look.window : follower.look.window,
    leader.look.view,
    leader.look.isInverted,
  );
}
