import type { StationLink } from '../bridge/station-link.ts';
import { hangingOf } from './hanging.ts';
import type { Reading } from './reading.svelte.ts';
import { layouts } from './viewports.svelte.ts';

const projections = new Set(['MG', 'CR', 'DX']);

/** Hangs radiographs and mammograms as their headers ask for it, unless the reader went elsewhere meanwhile. */
export async function hangStudy(reading: Reading, station: StationLink): Promise<void> {
  const { study } = reading;
  const { series } = reading.active;
  if (!study.series.some(({ modality }) => projections.has(modality))) return;
  const { images } = await station.ask('projections', { studyInstanceUID: study.studyInstanceUID });
  const hanging = hangingOf(images);
  const layout = layouts.find(({ name }) => name === hanging?.layout);
  if (!hanging || !layout || reading.mpr || reading.views.length > 1 || reading.active.series !== series) return;
  reading.arrange(layout, 'empty');
  const opened = hanging.places.map(async (hung, place) => {
    const view = reading.views[place];
    if (!hung) return view?.close();
    const { image } = hung;
    const its = study.series.find((one) => one.seriesInstanceUID === image.seriesInstanceUID);
    if (!view || !its) return;
    await view.showFrame(its, image.sopInstanceUID, 1);
    const { isFlippedHorizontally, isFlippedVertically, justified } = hung.view;
    view.look.setView({ ...view.look.view, isFlippedHorizontally, isFlippedVertically, justified });
  });
  await Promise.all(opened);
}
