// What a drag on the image does.
import type { IconName } from '../ui/Icon.svelte';

interface NamedTool {
  readonly name: string;
  readonly label: string;
  /** Under its icon, where it is not the label. */
  readonly word?: string;
  readonly icon: IconName;
  readonly key: string;
  /** How it is used, where its name does not say it. */
  readonly tip?: string;
  /** What its key chooses on the planes of an MPR; null where they have nothing of the kind. */
  readonly plane: 'window' | 'pan' | 'zoom' | 'cross' | null;
}

export const lookTools = [
  { name: 'window', label: 'Window', icon: 'contrast', key: 'w', plane: 'window' },
  { name: 'pan', label: 'Pan', icon: 'move', key: 'p', plane: 'pan' },
  { name: 'zoom', label: 'Zoom', icon: 'zoom', key: 'z', plane: 'zoom' },
] as const satisfies readonly NamedTool[];

export const measurementTools = [
  {
    name: 'length',
    label: 'Length',
    icon: 'ruler',
    key: 'l',
    tip: 'Length: drag, or Enter, arrow keys, Enter',
    plane: null,
  },
  {
    name: 'angle',
    label: 'Angle',
    icon: 'angle',
    key: 'a',
    tip: 'Angle: drag and click, or Enter and arrow keys',
    plane: null,
  },
  {
    name: 'ellipse',
    label: 'Ellipse',
    icon: 'ellipse',
    key: 'e',
    tip: 'Ellipse: drag, or Enter, arrow keys, Enter',
    plane: null,
  },
  {
    name: 'rectangle',
    label: 'Rectangle',
    word: 'Box',
    icon: 'rectangle',
    key: 'b',
    tip: 'Rectangle: drag, or Enter, arrow keys, Enter',
    plane: null,
  },
  {
    name: 'freehand',
    label: 'Free-hand region',
    word: 'Free',
    icon: 'lasso',
    key: 'E',
    tip: 'Free-hand region: trace it, or click its corners and the last one twice',
    plane: null,
  },
  // The cross-hairs tell the value where they meet, as the probe does.
  {
    name: 'probe',
    label: 'Probe',
    icon: 'probe',
    key: 'o',
    tip: 'Probe: click, or Enter, arrow keys, Enter',
    plane: 'cross',
  },
  {
    name: 'arrow',
    label: 'Arrow with words',
    word: 'Arrow',
    icon: 'arrow',
    key: 'A',
    tip: 'Arrow with words: drag from what is meant to where the words stand',
    plane: null,
  },
] as const satisfies readonly NamedTool[];

export type ToolName = (typeof lookTools | typeof measurementTools)[number]['name'];
export const tools: readonly (NamedTool & { readonly name: ToolName })[] = [...lookTools, ...measurementTools];
export type LookToolName = (typeof lookTools)[number]['name'];
export type MeasuringToolName = (typeof measurementTools)[number]['name'];

export function isMeasuring(tool: ToolName): tool is MeasuringToolName {
  return measurementTools.some(({ name }) => name === tool);
}
