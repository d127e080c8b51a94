// While somebody works with images, training on this machine rests: the station is told, twice a second at most.
import type { StationLink } from '../bridge/station-link.ts';

const tellEveryMs = 500;

/** Tells the station of each use of the viewer until the function that it returns is called. */
export function tellViewerWorks(station: StationLink): () => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (event: Event): void => {
    // A pointer that only passes over is no work.
    if (event instanceof PointerEvent && event.type === 'pointermove' && event.buttons === 0) return;
    if (event.timeStamp - toldAt < tellEveryMs) return;
    toldAt = event.timeStamp;
    // A station that is gone trains nothing.
    station.ask('viewer-works', {}).catch(() => {});
  };
  const kinds = ['keydown', 'wheel', 'pointerdown', 'pointermove'] as const;
  for (const kind of kinds) window.addEventListener(kind, tell, { capture: true, passive: true });
  return () => {
    for (const kind of kinds) window.removeEventListener(kind, tell, { capture: true });
  };
}
