// What needs Cornerstone3D, in one chunk of its own: it is several times as large as all the rest of the window.
export { Cornerstone } from './cornerstone.ts';
export { cornerstonePainter } from './cornerstone-painter.ts';
export { Mpr } from './mpr.svelte.ts';
export { default as MprLayout } from './MprLayout.svelte';
