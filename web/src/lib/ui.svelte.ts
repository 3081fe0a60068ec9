// What is open on screen, shared by the bar, the list and the keyboard.

import { keep, kept } from './kept';
import type { ListSource } from './listing.svelte';
import type { Row } from './rows.svelte';

class Ui {
  keySheet = $state(false);
  /** The filter rail: unfolded beside the list (wide), or as a sheet (phone). */
  rail = $state(kept('rail', true));
  railSheet = $state(false);
  /** The inspector: at the right (wide), in place (below 1200), or as a sheet (phone). */
  inspector = $state(kept('inspector', true));
  /** Below 1200 px details open only when asked. */
  details = $state(false);
  /** Numbers of the score. */
  why = $state(false);
  /** Rows that are being tagged; a list from which is exported. */
  tagging = $state.raw<Row[] | null>(null);
  exporting = $state.raw<ListSource | null>(null);
  width = $state(innerWidth);

  readonly phone = $derived(this.width < 640);
  readonly wide = $derived(this.width >= 1200);

  query: HTMLInputElement | null = null;
  list: HTMLElement | null = null;

  constructor() {
    addEventListener('resize', () => (this.width = innerWidth));
  }

  focusQuery(): void {
    this.query?.focus();
    this.query?.select();
  }
  focusList(): void {
    this.list?.focus({ preventScroll: true });
  }
  toggleRail(): void {
    if (this.width < 900) this.railSheet = !this.railSheet;
    else {
      this.rail = !this.rail;
      keep('rail', this.rail);
    }
  }
  /** Details of the active row, wherever they open at this width. */
  showDetails(): void {
    if (!this.wide) this.details = true;
    else if (!this.inspector) this.toggleInspector();
  }
  toggleInspector(): void {
    if (this.wide) {
      this.inspector = !this.inspector;
      keep('inspector', this.inspector);
    } else this.details = !this.details;
  }
}

export const ui = new Ui();
