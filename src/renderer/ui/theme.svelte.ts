// Light or dark: as the system, unless the person chose one.
import { getContext, setContext } from 'svelte';

export const themeChoices = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof themeChoices)[number];

const storageKey = 'theme';

export class Theme {
  #choice = $state<ThemeChoice>('system');
  #systemIsDark = $state(false);

  constructor(root: HTMLElement) {
    const system = matchMedia('(prefers-color-scheme: dark)');
    this.#systemIsDark = system.matches;
    const stored = localStorage.getItem(storageKey);
    this.#choice = themeChoices.find((choice) => choice === stored) ?? 'system';
    const apply = (): void => {
      root.dataset['theme'] = this.isDark ? 'dark' : 'light';
    };
    system.addEventListener('change', () => {
      this.#systemIsDark = system.matches;
      apply();
    });
    this.#apply = apply;
    apply();
  }

  #apply: () => void;

  get choice(): ThemeChoice {
    return this.#choice;
  }

  get isDark(): boolean {
    return this.#choice === 'dark' || (this.#choice === 'system' && this.#systemIsDark);
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice;
    localStorage.setItem(storageKey, choice);
    this.#apply();
  }
}

const key = Symbol('theme');

/** For parts that draw colours by themselves. */
export function provideTheme(theme: Theme): void {
  setContext(key, theme);
}

export function useTheme(): Theme {
  return getContext<Theme>(key);
}
