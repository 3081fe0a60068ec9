// Light, dark, or as the system says. Canvases cannot use CSS variables: they read `theme.ink` and so on, and redraw when these change.

export type Choice = 'system' | 'light' | 'dark';
const KEY = 'auricle.theme';

export class Theme {
  choice = $state<Choice>('system');
  dark = $state(false);
  ink = $state('#1b1a18');
  dim = $state('#6e6a64');
  line = $state('#e7e3dc');
  accent = $state('#1f6f67');
  paper = $state('#fbfaf7');
  lit = $state('#ebf1ed');
  moment = $state('#dbe7e2');

  constructor() {
    const kept = document.documentElement.dataset.theme;
    if (kept === 'light' || kept === 'dark') this.choice = kept;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.read());
  }

  /** After the style sheet is there. */
  read(): void {
    const css = getComputedStyle(document.documentElement);
    const value = (name: string) => css.getPropertyValue(`--${name}`).trim();
    this.dark = css.colorScheme === 'dark';
    this.ink = value('ink');
    this.dim = value('dim');
    this.line = value('line');
    this.accent = value('accent');
    this.paper = value('paper');
    this.lit = value('lit');
    this.moment = value('moment');
  }

  set(choice: Choice): void {
    this.choice = choice;
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    try {
      if (choice === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Storage is off: it holds until the page closes.
    }
    this.read();
  }

  toggle(): void {
    this.set(this.dark ? 'light' : 'dark');
  }
}

export const theme = new Theme();

/** Less motion, by the system's wish. */
export const still = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;
