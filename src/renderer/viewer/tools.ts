// What a drag on the image does.
import type { IconName } from '../ui/Icon.svelte';

interface NamedTool {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly key: string;
}

export const lookTools = [
  { name: 'window', label: 'Window', icon: 'contrast', key: 'w' },
  { name: 'pan', label: 'Pan', icon: 'move', key: 'p' },
  { name: 'zoom', label: 'Zoom', icon: 'zoom', key: 'z' },
] as const satisfies readonly NamedTool[];

export const measurementTools = [
  { name: 'length', label: 'Length', icon: 'ruler', key: 'l' },
  { name: 'angle', label: 'Angle', icon: 'angle', key: 'a' },
  { name: 'ellipse', label: 'Ellipse', icon: 'ellipse', key: 'e' },
  { name: 'rectangle', label: 'Rectangle', icon: 'rectangle', key: 'b' },
  { name: 'probe', label: 'Probe', icon: 'probe', key: 'o' },
] as const satisfies readonly NamedTool[];

export const tools = [...lookTools, ...measurementTools];
export type ToolName = (typeof tools)[number]['name'];
export type LookToolName = (typeof lookTools)[number]['name'];
