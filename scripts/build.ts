// Bundles what cannot run from source: the shell and its preload (Electron reads CommonJS) and the window. Background programs
// need no build: Node runs their TypeScript, from a clone and from a package alike (docs/decisions/0002).
import { svelte } from '@sveltejs/vite-plugin-svelte';
import path from 'node:path';
import { build, type InlineConfig } from 'vite';
import { guidePages } from './guide-pages.ts';

const root = path.resolve(import.meta.dirname, '..');
const startedAt = performance.now();

const quiet: InlineConfig = { root, configFile: false, logLevel: 'warn' };

/** One CommonJS file for Electron; the lowest Node that it may carry is the stand-in runtime's. */
function bundleForShell(entry: string): Promise<unknown> {
  return build({
    ...quiet,
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir: path.join(root, 'dist', 'main'),
      emptyOutDir: false,
      target: 'node18',
      minify: false,
      rollupOptions: {
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  });
}

/** The lowest Chromium that shows the window is the stand-in runtime's. */
function bundleWindow(): Promise<unknown> {
  return build({
    ...quiet,
    root: path.join(root, 'src', 'renderer'),
    base: './',
    plugins: [svelte(), guidePages()],
    // vtk.js, under Cornerstone, asks for Node's events, which a browser has not.
    resolve: { alias: { events: path.join(root, 'node_modules', 'events', 'events.js') } },
    build: {
      outDir: path.join(root, 'dist', 'renderer'),
      emptyOutDir: true,
      target: 'chrome114',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  });
}

/** The pages of the hub's web console, for the browsers of coordinators; src/sync/hub/console serves them. */
function bundleConsole(): Promise<unknown> {
  return build({
    ...quiet,
    root: path.join(root, 'src', 'console'),
    base: './',
    plugins: [svelte()],
    build: {
      outDir: path.join(root, 'dist', 'console'),
      emptyOutDir: true,
      target: 'chrome114',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  });
}

await bundleForShell('src/main/main.ts');
await bundleForShell('src/main/preload.ts');
await bundleWindow();
await bundleConsole();
console.log(`built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
