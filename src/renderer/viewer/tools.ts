// What a drag on the image does.
import type { IconName } from '../ui/Icon.svelte';

interface NamedTool {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly key: string;
  /** What its key chooses on the planes of an MPR; null where they have nothing of the kind. */
  readonly plane: 'window' | 'pan' | 'zoom' | 'cross' | null;
}

export const lookTools = [
  { name: 'window', label: 'Window', icon: 'contrast', key: 'w', plane: 'window' },
  { name: 'pan', label: 'Pan', icon: 'move', key: 'p', plane: 'pan' },
  { name: 'zoom', label: 'Zoom', icon: 'zoom', key: 'z', plane: 'zoom' },
] as const satisfies readonly NamedTool[];

export const measurementTools = [
  { name: 'length', label: 'Length', icon: 'ruler', key: 'l', plane: null },
  { name: 'angle', label: 'Angle', icon: 'angle', key: 'a', plane: null },
  { name: 'ellipse', label: 'Ellipse', icon: 'ellipse', key: 'e', plane: null },
  { name: 'rectangle', label: 'Rectangle', icon: 'rectangle', key: 'b', plane: null },
  // The cross-hairs tell the value where they meet, as the probe does.
  { name: 'probe', label: 'Probe', icon: 'probe', key: 'o', plane: 'cross' },
] as const satisfies readonly NamedTool[];

export const tools = [...lookTools, ...measurementTools];
export type ToolName = (typeof tools)[number]['name'];
export type LookToolName = (typeof lookTools)[number]['name'];
