// Every key of the viewer, with what it does: the list on the screen and the acts come from the same table.
import type { Reading } from './reading.svelte.ts';
import { tools } from './tools.ts';

export interface KeyAct {
  /** As the browser names them; shown to the reader as they stand. */
  readonly keys: readonly string[];
  readonly label: string;
  readonly group: 'Images' | 'Look' | 'Tools' | 'Screen';
  readonly act: (reading: Reading, key: string) => void;
}

export const keyActs: readonly KeyAct[] = [
  images(['ArrowDown', 'ArrowRight'], 'Next image', ({ active }) => active.step(1)),
  images(['ArrowUp', 'ArrowLeft'], 'Previous image', ({ active }) => active.step(-1)),
  images(['PageDown'], 'Ten images on', ({ active }) => active.step(10)),
  images(['PageUp'], 'Ten images back', ({ active }) => active.step(-10)),
  images(['Home'], 'First image', ({ active }) => active.go(0)),
  images(['End'], 'Last image', ({ active }) => active.go(active.length - 1)),
  images([']'], 'Next series', (reading) => reading.openNeighbour(1)),
  images(['['], 'Previous series', (reading) => reading.openNeighbour(-1)),
  images(['c'], 'Cine', ({ active }) => active.cine.toggle()),
  images(['.'], 'Cine faster', ({ active }) => active.cine.setFramesPerSecond(active.cine.framesPerSecond * 1.25)),
  images([','], 'Cine slower', ({ active }) => active.cine.setFramesPerSecond(active.cine.framesPerSecond / 1.25)),
  look(['i'], 'Invert', ({ active }) => active.invert()),
  look(['+', '='], 'Larger', ({ active }) => active.zoomBy(1.25)),
  look(['-'], 'Smaller', ({ active }) => active.zoomBy(0.8)),
  look(['f'], 'Fit the window', ({ active }) => active.fit()),
  look(['1'], 'One to one', ({ active }) => active.showPixels()),
  look(['>'], 'Rotate right', ({ active }) => active.rotateBy(90)),
  look(['<'], 'Rotate left', ({ active }) => active.rotateBy(-90)),
  look(['x'], 'Flip left and right', ({ active }) => active.flipHorizontally()),
  look(['y'], 'Flip up and down', ({ active }) => active.flipVertically()),
  look(['r'], 'Reset', ({ active }) => active.reset()),
  ...tools.map(({ name, label, key }) => ({
    keys: [key],
    label,
    group: 'Tools' as const,
    act: (reading: Reading) => reading.choose(name),
  })),
  edit(['Delete', 'Backspace'], 'Delete the chosen measurement', (reading) => reading.removeSelected()),
  edit(['u'], 'Undo (also Ctrl Z)', ({ measurements }) => void measurements.undo()),
  screen(['m'], 'Measurements', (reading) => reading.togglePanel('measurements')),
  screen(['s'], 'Regions', (reading) => reading.togglePanel('regions')),
  screen(['g'], 'Regions on the image', ({ regions }) => regions.toggleAll()),
  screen(['0'], 'Heat map', (reading) => reading.togglePanel('heat')),
  screen(['v'], 'Next layout', (reading) => reading.nextLayout()),
  screen(['q'], 'Next viewport', (reading) => reading.activateNext()),
  screen(['k'], 'Scroll together', (reading) => reading.togglePlaceLink()),
  screen(['n'], 'Window and zoom together', (reading) => reading.toggleLookLink()),
  screen(['d'], 'Reference lines', (reading) => reading.toggleLines()),
  screen(['t'], 'Text on the image', (reading) => reading.toggleText()),
  screen(['h'], 'Header', (reading) => reading.togglePanel('header')),
];

type Act = KeyAct['act'];

function images(keys: readonly string[], label: string, act: Act): KeyAct {
  return { keys, label, group: 'Images', act };
}

function look(keys: readonly string[], label: string, act: Act): KeyAct {
  return { keys, label, group: 'Look', act };
}

function edit(keys: readonly string[], label: string, act: Act): KeyAct {
  return { keys, label, group: 'Tools', act };
}

function screen(keys: readonly string[], label: string, act: Act): KeyAct {
  return { keys, label, group: 'Screen', act };
}
