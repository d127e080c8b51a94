import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // For the window's classes with runes.
  plugins: [svelte({ configFile: false })],
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './scripts/test-summary.ts'],
    // Two cores: more workers only make real processes time each other out.
    maxWorkers: 2,
    testTimeout: 30_000,
    // What is polled for is a condition, not a speed: a busy machine gets the time that it needs.
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 60_000,
  },
});
