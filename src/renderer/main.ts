// The window's entry: opens the bridge, makes the controllers that live as long as the window, mounts the app.
import '@fontsource-variable/inter/opsz.css';
import { mount } from 'svelte';
import { z } from 'zod';
import App from './App.svelte';
import { openStationLink } from './bridge/open-station-link.ts';
import { Imports } from './imports/imports.svelte.ts';
import { Navigation } from './navigation.svelte.ts';
import { Transfers } from './pacs/transfers.svelte.ts';
import './ui/tokens.css';
import './ui/base.css';
import { Theme } from './ui/theme.svelte.ts';
import { Toasts } from './ui/toasts.svelte.ts';
import { FrameStore } from './viewer/frame-store.ts';

// The page's policy forbids code made from text, which is how zod would speed itself up.
z.config({ jitless: true });

const target = document.querySelector<HTMLElement>('#app');
if (!target) throw new Error('index.html has no #app');

const shell = window.imagiqShell;
const theme = new Theme(document.documentElement);
const navigation = new Navigation();
const toasts = new Toasts(() => navigation.screen);
const station = await openStationLink(shell);
mount(App, {
  target,
  props: {
    context: {
      shell,
      station,
      toasts,
      theme,
      navigation,
      imports: new Imports(station, toasts),
      transfers: new Transfers(station, toasts),
      frames: new FrameStore(station),
    },
  },
});
