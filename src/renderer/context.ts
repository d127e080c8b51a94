// What every screen may use, made once in main.ts and handed down by Svelte's context.
import { getContext, setContext } from 'svelte';
import type { ShellBridge } from '../contract/shell.ts';
import type { StationLink } from './bridge/station-link.ts';
import type { Imports } from './imports/imports.svelte.ts';
import type { Navigation } from './navigation.svelte.ts';
import type { Transfers } from './pacs/transfers.svelte.ts';
import { provideTheme, type Theme } from './ui/theme.svelte.ts';
import { provideToasts, type Toasts } from './ui/toasts.svelte.ts';
import type { FrameStore } from './viewer/frame-store.ts';

export interface WindowContext {
  readonly shell: ShellBridge;
  readonly station: StationLink;
  readonly toasts: Toasts;
  readonly theme: Theme;
  readonly navigation: Navigation;
  readonly imports: Imports;
  readonly transfers: Transfers;
  readonly frames: FrameStore;
}

const key = Symbol('window');

export function provideWindow(context: WindowContext): void {
  setContext(key, context);
  provideTheme(context.theme);
  provideToasts(context.toasts);
}

export function useWindow(): WindowContext {
  return getContext<WindowContext>(key);
}
