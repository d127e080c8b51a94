// Viewports that follow one another: in place, and in window and zoom.
import type { FrameStore } from './frame-store.ts';
import { nearestSlice } from './slice-match.ts';
import type { View } from './placement.ts';
import type { StackView } from './stack-view.svelte.ts';

/** How a viewport was brought to its place. */
export type FollowedBy = 'position' | 'number' | 'nothing there';

export class Links {
  readonly #views: () => readonly StackView[];
  readonly #frames: FrameStore;
  #isPlaceLinked = $state(true);
  #isLookLinked = $state(false);
  #followed = $state.raw<ReadonlyMap<StackView, FollowedBy>>(new Map());

  constructor(views: () => readonly StackView[], frames: FrameStore) {
    this.#views = views;
    this.#frames = frames;
  }

  get isPlaceLinked(): boolean {
    return this.#isPlaceLinked;
  }

  get isLookLinked(): boolean {
    return this.#isLookLinked;
  }

  /** How a viewport came to its place last; null for the one that leads, and where nothing is linked. */
  followedBy(view: StackView): FollowedBy | null {
    return this.#isPlaceLinked && this.#views().length > 1 ? (this.#followed.get(view) ?? null) : null;
  }

  togglePlace(): void {
    this.#isPlaceLinked = !this.#isPlaceLinked;
    this.forget();
  }

  toggleLook(leader: StackView): void {
    this.#isLookLinked = !this.#isLookLinked;
    this.looked(leader);
  }

  forget(): void {
    this.#followed = new Map();
  }

  /** The reader went to another place in a viewport. */
  moved(leader: StackView): void {
    const views = this.#views();
    // Where there is one image there is nothing to follow with.
    if (!this.#isPlaceLinked || views.length === 1 || leader.length === 1) return;
    const followed = new Map<StackView, FollowedBy>();
    for (const { series } of views) if (series) void this.#frames.learnGeometry(series.seriesInstanceUID);
    for (const view of views) {
      if (view !== leader && view.length > 1) followed.set(view, followPlace(leader, view, this.#frames));
    }
    this.#followed = followed;
  }

  /** The reader looks at a viewport's images in another way. */
  looked(leader: StackView): void {
    if (!this.#isLookLinked) return;
    for (const view of this.#views()) if (view !== leader) followLook(leader, view);
  }
}

/**
 * Brings `follower` to where `leader` is: by position in the patient where both tell it, else by the number of the image. Where it has
 * no image, it stays at the nearest one.
 */
function followPlace(leader: StackView, follower: StackView, frames: FrameStore): FollowedBy {
  const at = leader.item;
  const geometry = at ? frames.geometryOf(at.instance.sopInstanceUID, at.frame) : undefined;
  const places = follower.stack.map(({ instance, frame }) => frames.geometryOf(instance.sopInstanceUID, frame));
  // Of two studies positions do not compare: nobody lies twice in the same place, whatever the frame of reference says.
  const nearest = geometry && leader.study === follower.study ? nearestSlice(geometry, places) : null;
  follower.show(nearest?.index ?? leader.index);
  if (!nearest) return 'number';
  return nearest.isBeyond ? 'nothing there' : 'position';
}

function followLook(leader: StackView, follower: StackView): void {
  // A window in one modality's units says nothing in another's.
  const isSameKind = leader.series?.modality === follower.series?.modality;
  const window = isSameKind ? leader.look.window : follower.look.window;
  follower.look.follow(window, followedView(leader.look.view, follower.look.view), leader.look.isInverted);
}

/** Breasts that face each other are seen as in a mirror. */
function followedView(view: View, own: View): View {
  if (view.justified === own.justified || [view, own].some(({ justified }) => justified === 'middle')) return view;
  const { isFlippedHorizontally, isFlippedVertically, justified } = own;
  return { ...view, isFlippedHorizontally, isFlippedVertically, justified, panX: -view.panX };
}
