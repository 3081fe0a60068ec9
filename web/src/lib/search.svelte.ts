// The question and what it found. The address is the truth: what is asked is written there, and read from there.

import { router } from './router.svelte';
import { type Row, Rows } from './rows.svelte';
import { session } from './session.svelte';
import type { Filters, Upload } from './types';
import { undo } from './undo.svelte';

export interface Like {
  recording_id?: number;
  upload_id?: string;
  start?: number;
  end?: number;
  name: string;
}
export interface Chip {
  id: string;
  text: string;
  kind: 'filter' | 'not' | 'like' | 'hidden';
  title?: string;
  remove: () => void;
}
export type ListFilter = 'folder' | 'format' | 'rate' | 'channels' | 'tag';
const LISTS: ListFilter[] = ['folder', 'format', 'rate', 'channels', 'tag'];

const uploads = new Map<string, { name: string; upload: Upload }>();

class Search {
  query = $state('');
  like = $state.raw<Like | null>(null);
  unwanted = $state.raw<string[]>([]);
  filters = $state.raw<Filters>({ folder: [], format: [], rate: [], channels: [], tag: [] });
  sort = $state('path');
  /** “Not this”: recordings left out of the list. */
  hidden = $state.raw<Map<number, string>>(new Map());
  rows = $state.raw(new Rows({ browse: {}, sort: 'path' }));
  /** The row that the keyboard is on. */
  active = $state(0);
  selected = $state.raw<Map<string, Row>>(new Map());
  scrollTop = 0;
  private address: string | null = null;

  get asking(): boolean {
    return this.query !== '' || this.like !== null || this.unwanted.length > 0;
  }
  get filtering(): boolean {
    const f = this.filters;
    return LISTS.some((list) => f[list].length > 0) || f.min_duration != null || f.max_duration != null || !!f.where;
  }
  get current(): Row | undefined {
    return this.rows.at(this.active);
  }

  /** Take what the address says; run it if it is new (or the library changed). */
  read(params: URLSearchParams, again = false): void {
    const address = params.toString();
    if (address === this.address && !again) return;
    const fresh = address !== this.address;
    this.address = address;
    router.searchHref = `#/${address ? `?${address}` : ''}`;
    const numbers = (key: string) => params.getAll(key).map(Number).filter(Number.isFinite);
    const number = (key: string) => (params.has(key) && Number.isFinite(Number(params.get(key))) ? Number(params.get(key)) : null);
    this.query = params.get('q') ?? '';
    this.like = readLike(params.get('like'), params.get('liked'));
    this.unwanted = params.getAll('not');
    this.sort = params.get('sort') ?? 'path';
    this.filters = {
      folder: params.getAll('folder'),
      format: params.getAll('format'),
      rate: numbers('rate'),
      channels: numbers('channels'),
      tag: params.getAll('tag'),
      min_duration: number('min'),
      max_duration: number('max'),
      where: params.get('where'),
    };
    if (fresh) {
      this.active = 0;
      this.scrollTop = 0;
      this.selected = new Map();
      this.hidden = new Map();
    }
    void this.run();
  }

  /** Ask. The old list stays until the new one is there, and for good when the server is gone. */
  async run(): Promise<void> {
    const rows = this.asking
      ? new Rows({
          search: { query: this.query, like: this.like ? clip(this.like) : null, unwanted: this.unwanted, filters: this.filters },
        })
      : new Rows({ browse: this.filters, sort: this.sort });
    this.pending?.stop();
    this.pending = rows;
    this.busy = true;
    await rows.start();
    if (this.pending !== rows) return;
    this.pending = null;
    this.busy = false;
    if (rows.error?.gone && this.rows.total > 0) return;
    this.rows.stop();
    rows.hide(this.hidden.keys());
    this.rows = rows;
    this.active = Math.max(0, Math.min(this.active, rows.total - 1));
  }
  private pending: Rows | null = null;
  /** A question is on its way. */
  busy = $state(true);

  // -- asking: each writes the address, which is then read

  ask(query: string): void {
    this.go((p) => set(p, 'q', query.trim()));
  }
  askLike(like: Like): void {
    this.go((p) => {
      set(p, 'like', like.upload_id ? `upload:${like.upload_id}` : `${like.recording_id}@${like.start ?? 0}-${like.end ?? ''}`);
      set(p, 'liked', like.name);
    });
  }
  likeRow(row: Row): void {
    this.askLike({ recording_id: row.recording_id, start: row.start, end: row.end, name: row.name });
  }
  likeUpload(upload: Upload, name: string): void {
    uploads.set(upload.upload_id, { name, upload });
    this.askLike({ upload_id: upload.upload_id, name });
  }
  dropLike(): void {
    this.go((p) => {
      p.delete('like');
      p.delete('liked');
    });
  }
  not(words: string): void {
    this.go((p) => {
      if (!p.getAll('not').includes(words)) p.append('not', words);
    });
  }
  dropNot(words: string): void {
    if (this.unwanted.includes(words)) {
      this.go((p) => {
        const rest = p.getAll('not').filter((one) => one !== words);
        p.delete('not');
        rest.forEach((one) => p.append('not', one));
      });
    } else {
      this.ask(without(this.query, words));
    }
  }
  toggle(list: ListFilter, value: string): void {
    this.go((p) => {
      const values = p.getAll(list);
      p.delete(list);
      (values.includes(value) ? values.filter((one) => one !== value) : [...values, value]).forEach((one) => p.append(list, one));
    });
  }
  /** A range of the duration facet: "1-5", "600-". The same again takes it away. */
  toggleDuration(range: string): void {
    const [min = '', max = ''] = range.split('-');
    const on = this.durationRange() === range;
    this.go((p) => {
      set(p, 'min', on || min === '0' ? '' : min);
      set(p, 'max', on ? '' : max);
    });
  }
  durationRange(): string | null {
    const { min_duration: min, max_duration: max } = this.filters;
    return min == null && max == null ? null : `${min ?? 0}-${max ?? ''}`;
  }
  sortBy(sort: string): void {
    this.go((p) => set(p, 'sort', sort === 'path' ? '' : sort));
  }
  dropFilters(): void {
    this.go((p) => [...LISTS, 'min', 'max', 'where'].forEach((key) => p.delete(key)));
  }
  drop(key: string): void {
    this.go((p) => p.delete(key));
  }
  clear(): void {
    router.go('/');
  }

  private go(change: (params: URLSearchParams) => void): void {
    const params = new URLSearchParams(this.address ?? '');
    change(params);
    router.go('/', params);
  }

  /** “Not this”: out of the list at once, back with undo. */
  notThis(row: Row): void {
    this.hide(new Map(this.hidden).set(row.recording_id, row.name));
    undo.did(`Left out: ${row.name}`, () => this.show(row.recording_id));
  }
  show(id: number): void {
    const hidden = new Map(this.hidden);
    hidden.delete(id);
    this.hide(hidden);
  }
  private hide(hidden: Map<number, string>): void {
    this.hidden = hidden;
    this.rows.hide(hidden.keys());
    this.active = Math.max(0, Math.min(this.active, this.rows.total - 1));
  }

  // -- selecting

  select(row: Row, on = !this.selected.has(row.key)): void {
    const selected = new Map(this.selected);
    if (on) selected.set(row.key, row);
    else selected.delete(row.key);
    this.selected = selected;
  }
  selectNone(): void {
    if (this.selected.size) this.selected = new Map();
  }
  /** What an action is about: the selected rows, else the one the keyboard is on. */
  get subjects(): Row[] {
    if (this.selected.size) return [...this.selected.values()];
    return this.current ? [this.current] : [];
  }

  uploaded(id: string): Upload | null {
    return uploads.get(id)?.upload ?? null;
  }
}

function set(params: URLSearchParams, key: string, value: string): void {
  if (value) params.set(key, value);
  else params.delete(key);
}
function clip(like: Like) {
  if (like.upload_id) return { upload_id: like.upload_id };
  return { recording_id: like.recording_id, start: like.start, end: like.end };
}
function readLike(text: string | null, name: string | null): Like | null {
  if (!text) return null;
  if (text.startsWith('upload:')) {
    const id = text.slice(7);
    return { upload_id: id, name: uploads.get(id)?.name ?? name ?? 'clip' };
  }
  const parts = text.match(/^(\d+)@([\d.]+)-([\d.]*)$/);
  if (!parts) return null;
  return { recording_id: Number(parts[1]), start: Number(parts[2]), end: parts[3] ? Number(parts[3]) : undefined, name: name ?? 'a recording' };
}
/** A query without one of its “no …”s: ("rain, no voices", "voices") → "rain". */
export function without(query: string, words: string): string {
  const escaped = words.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
  const found = new RegExp(`[,;]?\\s*(?:\\b(?:and|but|with)\\s+)?(?:\\b(?:no|not|without|never|-)\\s*)(?:any\\s+|the\\s+|a\\s+)?${escaped}`, 'i');
  return query.replace(found, '').replace(/\s+/g, ' ').trim();
}

export const search = new Search();

/** The library changed: ask again, quietly. */
export function refreshSearch(): void {
  if (session.library) void search.run();
}
