// What a list needs to know of its rows, and what the keyboard does in one. The search is one such source; the map's picks another.

import type { Bindings } from './keys.svelte';
import { player, type Track } from './player.svelte';
import { router } from './router.svelte';
import { type Row, Rows } from './rows.svelte';
import { search } from './search.svelte';
import { session } from './session.svelte';
import { ui } from './ui.svelte';

export interface ListSource {
  rows: Rows;
  active: number;
  selected: ReadonlyMap<string, Row>;
  scrollTop: number;
  readonly current: Row | undefined;
  readonly subjects: Row[];
  select(row: Row, on?: boolean): void;
  selectNone(): void;
}

/** A list of rows that are at hand. */
export class Picks implements ListSource {
  rows = $state.raw(new Rows({ fixed: [] }));
  active = $state(0);
  selected = $state.raw<ReadonlyMap<string, Row>>(new Map());
  scrollTop = 0;

  show(rows: Row[]): void {
    this.take(new Rows({ fixed: rows }));
  }
  /** Recordings by id: their rows come as they are needed. */
  showIds(ids: readonly number[]): void {
    this.take(new Rows({ picked: ids }));
  }
  private take(rows: Rows): void {
    this.rows.stop();
    this.rows = rows;
    void rows.start();
    this.active = 0;
    this.selected = new Map();
  }
  get current(): Row | undefined {
    return this.rows.at(this.active);
  }
  get subjects(): Row[] {
    if (this.selected.size) return [...this.selected.values()];
    return this.current ? [this.current] : [];
  }
  select(row: Row, on = !this.selected.has(row.key)): void {
    const selected = new Map(this.selected);
    if (on) selected.set(row.key, row);
    else selected.delete(row.key);
    this.selected = selected;
  }
  selectNone(): void {
    if (this.selected.size) this.selected = new Map();
  }
}

export const trackOf = (row: Row): Track => ({
  id: row.recording_id,
  name: row.name,
  folder: row.folder,
  duration: row.duration,
  format: row.format,
  start: row.start,
  end: row.end,
});
/** Is this very moment the one that plays? */
export const plays = (row: Row): boolean => {
  const track = player.track;
  return !!track && track.id === row.recording_id && track.start === row.start && track.end === row.end;
};
export function playRow(row: Row): void {
  if (plays(row)) player.toggle();
  else void player.play(trackOf(row));
}
export const openRow = (row: Row): void => {
  const params = new URLSearchParams();
  if (!row.whole) {
    params.set('start', String(row.start));
    params.set('end', String(row.end));
  }
  router.go(`/recording/${row.recording_id}`, params);
};

/** To a row by number; plays it when auto-preview is on. */
export function moveTo(source: ListSource, index: number, { select = false, sound = true } = {}): void {
  const last = source.rows.total - 1;
  if (last < 0) return;
  const from = source.current;
  const at = Math.max(0, Math.min(index, last));
  const changed = at !== source.active;
  source.active = at;
  source.rows.need(at - 10, at + 10);
  const row = source.current;
  if (select && row) {
    if (from) source.select(from, true);
    source.select(row, true);
  }
  if (changed && sound && player.preview && row && !select) preview(source, row);
}

let timer = 0;
let moved = 0;
/** Play: at once, or, while the arrow key is held down, where it stops. Then make the neighbours ready. */
function preview(source: ListSource, row: Row): void {
  clearTimeout(timer);
  const now = performance.now();
  const held = now - moved < 150;
  moved = now;
  const at = source.active;
  const play = () => {
    void player.play(trackOf(row));
    timer = window.setTimeout(() => {
      for (const near of [source.rows.at(at + 1), source.rows.at(at - 1)]) if (near) player.ready(trackOf(near));
    }, 250);
  };
  if (held) timer = window.setTimeout(play, 90);
  else play();
}

/** The next (or previous) found moment in the recording of the active row. */
async function moment(source: ListSource, way: 1 | -1): Promise<void> {
  const row = source.current;
  if (!row) return;
  const same = source.rows
    .loaded()
    .filter((one) => one.recording_id === row.recording_id)
    .sort((a, b) => a.start - b.start);
  const to = same[same.findIndex((one) => one.key === row.key) + way];
  if (to) {
    source.active = source.rows.indexOf(to.key);
    void player.play(trackOf(to));
  } else if (row.whole || same.length === 1) {
    await player.play(trackOf(row), way === 1 ? row.start : undefined);
  }
}

/** The keys of a list; pages add theirs. */
export function listKeys(source: ListSource, page: () => number): Bindings {
  const move = (by: number, select = false) => moveTo(source, source.active + by, { select });
  const on = (act: (row: Row) => void) => () => {
    const row = source.current;
    if (row) act(row);
  };
  return {
    ArrowDown: () => move(1),
    ArrowUp: () => (source.active === 0 && ui.query && document.activeElement === ui.list ? ui.focusQuery() : move(-1)),
    j: () => move(1),
    k: () => move(-1),
    'Shift+ArrowDown': () => move(1, true),
    'Shift+ArrowUp': () => move(-1, true),
    PageDown: () => moveTo(source, source.active + page(), { sound: false }),
    PageUp: () => moveTo(source, source.active - page(), { sound: false }),
    Home: () => moveTo(source, 0, { sound: false }),
    End: () => moveTo(source, source.rows.total - 1, { sound: false }),
    ' ': on(playRow),
    Enter: on(openRow),
    n: () => void moment(source, 1),
    p: () => void moment(source, -1),
    s: on((row) => search.likeRow(row)),
    t: () => void (source.subjects.length && session.library?.writable !== false && (ui.tagging = source.subjects)),
    e: () => void (source.subjects.length && (ui.exporting = source)),
    c: on((row) => source.select(row)),
    w: () => void (ui.why = !ui.why),
    i: () => ui.toggleInspector(),
    f: () => ui.toggleRail(),
  };
}
