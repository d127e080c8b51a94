// The web console's entry: a browser's page that the hub serves. It asks the hub and nobody else.
import '@fontsource-variable/inter/opsz.css';
import { mount } from 'svelte';
import { z } from 'zod';
import '../renderer/ui/tokens.css';
import '../renderer/ui/base.css';
import { Theme } from '../renderer/ui/theme.svelte.ts';
import { Toasts } from '../renderer/ui/toasts.svelte.ts';
import App from './App.svelte';
import { Console } from './console.svelte.ts';

// The page's policy forbids code made from text, which is how zod would speed itself up.
z.config({ jitless: true });

const target = document.querySelector<HTMLElement>('#app');
if (!target) throw new Error('index.html has no #app');
const toasts: Toasts = new Toasts(() => hub.page);
const hub = new Console(toasts);
mount(App, { target, props: { theme: new Theme(document.documentElement), toasts, hub } });
