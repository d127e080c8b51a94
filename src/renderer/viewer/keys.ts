// Every key of the viewer, with what it does: the list on the screen and the acts come from the same table.
import type { Mpr } from './mpr.svelte.ts';
import { numberKeys, windowsOf } from './presets.ts';
import type { Reading } from './reading.svelte.ts';
import { tools } from './tools.ts';

export interface KeyAct {
  /** As the browser names them; shown to the reader as they stand. */
  readonly keys: readonly string[];
  readonly label: string;
  readonly group: 'Images' | 'Look' | 'Tools' | 'Screen';
  readonly act: (reading: Reading, key: string) => void;
  /** What it does to the planes of an MPR instead; null: nothing, since planes have nothing of the kind. */
  readonly planes: ((mpr: Mpr, reading: Reading, key: string) => void) | null;
}

/** Does what a key stands for, where images or planes are shown. */
export function press({ act, planes }: KeyAct, reading: Reading, key: string): void {
  if (reading.mpr) planes?.(reading.mpr, reading, key);
  else act(reading, key);
}

const arrows: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Moves the cross of the active viewport. False: it is not there, or the key is no arrow. */
export function moveCross({ key, shiftKey }: KeyboardEvent, { mpr, cross }: Reading): boolean {
  const by = arrows[key];
  if (mpr || by === undefined || cross.at === null) return false;
  const step = shiftKey ? 10 : 1;
  cross.moveBy(by[0] * step, by[1] * step);
  return true;
}

export const keyActs: readonly KeyAct[] = [
  images(
    ['ArrowDown', 'ArrowRight'],
    'Next image',
    ({ active }) => active.step(1),
    (mpr) => mpr.step(1),
  ),
  images(
    ['ArrowUp', 'ArrowLeft'],
    'Previous image',
    ({ active }) => active.step(-1),
    (mpr) => mpr.step(-1),
  ),
  images(
    ['PageDown'],
    'Ten images on',
    ({ active }) => active.step(10),
    (mpr) => mpr.step(10),
  ),
  images(
    ['PageUp'],
    'Ten images back',
    ({ active }) => active.step(-10),
    (mpr) => mpr.step(-10),
  ),
  images(
    ['Home'],
    'First image',
    ({ active }) => active.go(0),
    (mpr) => mpr.stepToEnd(-1),
  ),
  images(
    ['End'],
    'Last image',
    ({ active }) => active.go(active.length - 1),
    (mpr) => mpr.stepToEnd(1),
  ),
  images([']'], 'Next series', (reading) => reading.openNeighbour(1), 'same'),
  images(['['], 'Previous series', (reading) => reading.openNeighbour(-1), 'same'),
  images(['c'], 'Cine', ({ active }) => active.cine.toggle()),
  images(['.'], 'Cine faster', ({ active }) => active.cine.setFramesPerSecond(active.cine.framesPerSecond * 1.25)),
  images([','], 'Cine slower', ({ active }) => active.cine.setFramesPerSecond(active.cine.framesPerSecond / 1.25)),
  look(['i'], 'Invert', ({ active }) => active.look.invert(), 'same'),
  look(
    ['+', '='],
    'Larger',
    ({ active }) => active.look.zoomBy(1.25),
    (mpr) => mpr.zoomBy(1.25),
  ),
  look(
    ['-'],
    'Smaller',
    ({ active }) => active.look.zoomBy(0.8),
    (mpr) => mpr.zoomBy(0.8),
  ),
  look(
    ['f'],
    'Fit the window',
    ({ active }) => active.look.fit(),
    (mpr) => mpr.fit(),
  ),
  look(
    numberKeys,
    'A window, in the order of its menu',
    ({ active }, key) => {
      const windows = active.frame ? windowsOf(active.frame, active.presentedWindow !== null) : [];
      const choice = windows[numberKeys.indexOf(key)];
      if (choice) active.look.setWindow(choice.window);
    },
    'same',
  ),
  look(['I'], 'Pixels: smooth, or each as it is', ({ active }) => active.look.toggleSmooth()),
  look(['/'], 'One to one', ({ active }) => active.showPixels()),
  look(['>'], 'Rotate right', ({ active }) => active.look.rotateBy(90)),
  look(['<'], 'Rotate left', ({ active }) => active.look.rotateBy(-90)),
  look(['x'], 'Flip left and right', ({ active }) => active.look.flipHorizontally()),
  look(['y'], 'Flip up and down', ({ active }) => active.look.flipVertically()),
  look(['P'], 'Presentation state: the next one of the image, or none', (reading) =>
    reading.presentations.showNext(reading.active),
  ),
  look(
    ['r'],
    'Reset',
    ({ active }) => active.look.reset(),
    (mpr) => mpr.reset(),
  ),
  ...tools.map(({ name, label, key, plane }) => {
    const planes = plane === null ? null : (mpr: Mpr): void => mpr.choose(plane);
    return edit([key], label, (reading) => reading.choose(name), planes);
  }),
  edit(['Enter'], 'Cross of the keys: put or take a point, let go of it', (reading) => reading.cross.press()),
  edit([' '], 'Cross to the next point', (reading) => reading.cross.toNextPoint()),
  edit(['K'], 'Key image: mark, or take the mark away', ({ cross }) => cross.measuring.toggleKeyImage()),
  edit(['J'], 'Next key image', (reading) => void reading.nextKeyImage()),
  edit(['Delete', 'Backspace'], 'Delete the chosen measurement', (reading) => reading.removeSelected()),
  edit(['u'], 'Undo (also Ctrl Z)', ({ measurements }) => void measurements.undo()),
  screen(['m'], 'Measurements', (reading) => reading.togglePanel('measurements'), 'same'),
  screen(['s'], 'Regions', (reading) => reading.togglePanel('regions')),
  screen(['g'], 'Regions on the image', ({ regions }) => regions.toggleAll()),
  screen(['0'], 'Heat map', (reading) => reading.togglePanel('heat')),
  screen(['j'], 'MPR of the series, and back', (reading) => void reading.toggleMpr(), 'same'),
  screen(['v'], 'Next layout', (reading) => reading.nextLayout(), 'same'),
  screen(['V'], 'Prior study beside this one, and away', (reading) => reading.togglePrior()),
  screen(
    ['q'],
    'Next viewport',
    (reading) => reading.activateNext(),
    (mpr) => mpr.activateNext(),
  ),
  screen(['k'], 'Scroll together', ({ links }) => links.togglePlace()),
  screen(['n'], 'Window and zoom together', ({ links, active }) => links.toggleLook(active)),
  screen(['d'], 'Reference lines', (reading) => reading.toggleLines()),
  screen(['t'], 'Text on the image', (reading) => reading.toggleText(), 'same'),
  screen(['h'], 'Header', (reading) => reading.togglePanel('header'), 'same'),
];

type Act = KeyAct['act'];
type Planes = ((mpr: Mpr) => void) | 'same' | null;

function images(keys: readonly string[], label: string, act: Act, planes: Planes = null): KeyAct {
  return keyAct('Images', { keys, label, act, planes });
}

function look(keys: readonly string[], label: string, act: Act, planes: Planes = null): KeyAct {
  return keyAct('Look', { keys, label, act, planes });
}

function edit(keys: readonly string[], label: string, act: Act, planes: Planes = null): KeyAct {
  return keyAct('Tools', { keys, label, act, planes });
}

function screen(keys: readonly string[], label: string, act: Act, planes: Planes = null): KeyAct {
  return keyAct('Screen', { keys, label, act, planes });
}

function keyAct(
  group: KeyAct['group'],
  { keys, label, act, planes }: Omit<KeyAct, 'group' | 'planes'> & { planes: Planes },
): KeyAct {
  return { keys, label, group, act, planes: planes === 'same' ? (_mpr, reading, key) => act(reading, key) : planes };
}
