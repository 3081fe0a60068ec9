// wavesurfer.js under the page's Content-Security-Policy (see vite.config.ts), in the page's colours.

import type { Theme } from './theme.svelte';

/** Give wavesurfer's shadow roots below an element their rules. Call it right after creating one, and after adding a minimap. */
export function adoptStyles(below: Element): void {
  for (const element of below.querySelectorAll('*')) {
    const root = element.shadowRoot;
    if (!root) continue;
    const held = root.querySelector<HTMLTemplateElement>('template.styles');
    if (held) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(held.content.textContent ?? '');
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
      held.remove();
    }
    root.querySelectorAll(':scope > *').forEach(adoptStyles);
  }
}

/** Options for WaveSurfer.create that make it look like the rows. */
export const look = (theme: Theme) => ({
  waveColor: mix(theme.ink, theme.paper, 0.55),
  progressColor: theme.ink,
  cursorColor: theme.accent,
  cursorWidth: 1,
  barWidth: 2,
  barGap: 1,
  barRadius: 1,
});

/** One colour over another, `share` of the first. #rrggbb only. */
export function mix(over: string, under: string, share: number): string {
  const part = (colour: string, at: number) => parseInt(colour.slice(at, at + 2), 16);
  const one = (at: number) =>
    Math.round(part(over, at) * share + part(under, at) * (1 - share))
      .toString(16)
      .padStart(2, '0');
  return `#${one(1)}${one(3)}${one(5)}`;
}
