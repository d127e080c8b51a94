// Windows to choose from, by modality, and those that the file itself names.
import type { Frame } from '../../contract/dicom.ts';
import { valueUnit } from './pixel-units.ts';
import { initialWindow, isColour, rangeWindow, type VoiWindow } from './window-level.ts';

export interface Preset {
  readonly name: string;
  /** Null: the file's own window or table. */
  readonly window: VoiWindow | null;
}

const ct: readonly Preset[] = [
  preset('Brain', 40, 80),
  preset('Lung', -600, 1_500),
  preset('Soft tissue', 50, 400),
  preset('Bone', 400, 1_800),
  preset('Liver', 80, 150),
  preset('Mediastinum', 40, 350),
  preset('Subdural', 75, 215),
  preset('Angiography', 300, 600),
];

/** Upper ends in SUV. */
const suvRanges = [5, 7, 10, 15, 20];

/** None for MR and radiography, whose values have no scale in common, and for PET without SUV. */
function presetsFor(frame: Frame): readonly Preset[] {
  if (frame.modality === 'CT') return valueUnit(frame) === 'HU' ? ct : [];
  const suvPerUnit = frame.uptake?.suvPerUnit;
  if (!suvPerUnit) return [];
  return suvRanges.map((top) => ({
    name: `SUV 0 to ${top}`,
    window: { center: top / 2 / suvPerUnit, width: top / suvPerUnit, function: 'LINEAR_EXACT' },
  }));
}

function preset(name: string, center: number, width: number): Preset {
  return { name, window: { center, width } };
}

/** They choose the windows of the menu, in its order. */
export const numberKeys: readonly string[] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

/**
 * What the window menu offers for a frame: what the file itself shows, its windows by their names, the modality's, and all values.
 * Nothing for colours. Where a presentation state is shown, its window stands for the file's.
 */
export function windowsOf(frame: Frame, isStateShown = false): readonly Preset[] {
  if (isColour(frame)) return [];
  const file: Preset = { name: frame.voiTable ? "File's table" : "File's window", window: null };
  const first: readonly Preset[] = isStateShown
    ? [{ name: 'State window', window: null }, ...(frame.voiTable ? [] : [{ ...file, window: initialWindow(frame) }])]
    : [file];
  const voiFunction = frame.voiFunction ?? 'LINEAR';
  const own = (frame.windows ?? []).map(({ name, center, width }, index) => ({
    name: name === '' ? `File's window ${index + 1}` : name,
    window: { center, width, function: voiFunction },
  }));
  // One window of the file is what "File's window" already shows.
  const named = own.length > 1 || frame.voiTable ? own : [];
  const all: Preset = { name: 'All values', window: rangeWindow(frame) };
  const known = new Set<string>();
  return [...first, ...named, ...presetsFor(frame), all].filter(({ name }) => {
    const isNew = !known.has(name);
    known.add(name);
    return isNew;
  });
}
