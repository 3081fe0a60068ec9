// What the list shows: rows by number, loaded as they come into sight. Browsing asks by offset; a search goes on by cursor.

import { api, type ApiError, asError, isAbort } from './api';
import type { Filters, Moment, RecordingRow, SearchRequest, Source, Tag, Understood } from './types';

/** One line of the list: a moment that was found, or (when nothing is asked) a whole recording. */
export interface Row {
  key: string;
  recording_id: number;
  name: string;
  folder: string;
  path: string;
  start: number;
  end: number;
  whole: boolean;
  score: number;
  parts: Partial<Record<Source, number>> | null;
  why: Record<string, string>;
  duration: number;
  rate: number;
  channels: number;
  format: string;
  tags: Tag[];
  copies: string[];
  vanished: boolean;
  /** What an event is called; moments have no name of their own. */
  label?: string;
}

export const ofMoment = (m: Moment): Row => ({ ...m, key: `${m.recording_id}@${m.start}-${m.end}`, whole: false });
export const ofRecording = (r: RecordingRow): Row => ({
  key: `${r.id}`,
  recording_id: r.id,
  name: r.name,
  folder: r.folder,
  path: r.path,
  start: 0,
  end: r.duration,
  whole: true,
  score: 0,
  parts: null,
  why: {},
  duration: r.duration,
  rate: r.rate,
  channels: r.channels,
  format: r.format,
  tags: r.tags,
  copies: [],
  vanished: r.vanished,
});

const PAGE = 100;

export class Rows {
  /** Sparse: a row that has not come yet is undefined. `version` tells that something came. */
  private all: (Row | undefined)[] = [];
  private hidden = new Set<number>();
  private shown: (Row | undefined)[] = [];
  version = $state(0);
  total = $state(0);
  /** More would come by scrolling on (search only). */
  more = $state(false);
  loading = $state(true);
  error = $state.raw<ApiError | null>(null);
  understood = $state.raw<Understood | null>(null);
  suggestions = $state.raw<string[]>([]);
  took = $state<number | null>(null);

  private cursor: string | null = null;
  private asked = new Set<number>();
  private abort = new AbortController();

  constructor(
    private readonly what: { search: SearchRequest } | { browse: Partial<Filters>; sort: string } | { fixed: Row[] } | { picked: readonly number[] },
  ) {}

  get searching(): boolean {
    return 'search' in this.what;
  }

  at(index: number): Row | undefined {
    void this.version;
    return this.shown[index];
  }
  /** All rows that have come, in order. */
  loaded(): Row[] {
    void this.version;
    return this.shown.filter((row): row is Row => row !== undefined);
  }
  indexOf(key: string): number {
    return this.shown.findIndex((row) => row?.key === key);
  }

  /** Load the first rows. */
  async start(): Promise<void> {
    if ('fixed' in this.what) {
      this.all = [...this.what.fixed];
      this.count = this.all.length;
      this.loading = false;
      this.arrange();
    } else if (this.searching) await this.next();
    else {
      if ('picked' in this.what) {
        this.count = this.what.picked.length;
        this.arrange();
      }
      await this.page(0);
    }
  }

  stop(): void {
    this.abort.abort();
  }

  /** Rows first…last are in sight. */
  need(first: number, last: number): void {
    if (this.error || last < first || 'fixed' in this.what) return;
    if (this.searching) {
      if (this.more && !this.loading && last >= this.total - 20) void this.next();
      return;
    }
    const from = Math.floor(Math.max(0, first) / PAGE);
    const to = Math.floor(Math.max(0, Math.min(last, this.total - 1)) / PAGE);
    for (let page = from; page <= to; page += 1) if (!this.asked.has(page)) void this.page(page);
  }

  /** The rest of a search, up to `limit` rows, for an export of all. */
  async everything(limit: number): Promise<Row[]> {
    if (this.searching) while (this.more && this.total < limit && !this.error) await this.next();
    else if (!('fixed' in this.what))
      for (let page = 0; page * PAGE < Math.min(this.total, limit); page += 1) if (!this.asked.has(page)) await this.page(page);
    if (this.error) throw this.error;
    return this.loaded().slice(0, limit);
  }

  /** Change rows in place (tags). */
  patch(ids: ReadonlySet<number>, change: (row: Row) => Row): void {
    this.all = this.all.map((row) => (row && ids.has(row.recording_id) ? change(row) : row));
    this.arrange();
  }

  /** Rows of these recordings are not shown. */
  hide(hidden: Iterable<number>): void {
    this.hidden = new Set(hidden);
    this.arrange();
  }

  private arrange(): void {
    if (this.hidden.size) {
      const length = this.searching ? this.all.length : Math.max(this.all.length, this.count);
      this.shown = [];
      for (let i = 0; i < length; i += 1) {
        const row = this.all[i];
        if (!row || !this.hidden.has(row.recording_id)) this.shown.push(row);
      }
      this.total = this.shown.length;
    } else {
      this.shown = this.all;
      this.total = this.searching ? this.all.length : this.count;
    }
    this.version += 1;
  }
  private count = 0;

  private async next(): Promise<void> {
    if (!('search' in this.what)) return;
    this.loading = true;
    try {
      const answer = await api.search({ ...this.what.search, limit: PAGE, cursor: this.cursor }, this.abort.signal);
      if (!this.cursor) {
        this.understood = answer.understood;
        this.suggestions = answer.suggestions;
        this.took = answer.took_ms;
      }
      const known = new Set(this.all.map((row) => row?.key));
      this.all = [...this.all, ...answer.data.map(ofMoment).filter((row) => !known.has(row.key))];
      this.cursor = answer.next_cursor;
      this.more = answer.next_cursor !== null && answer.data.length > 0;
      this.arrange();
      this.loading = false;
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  private async page(page: number): Promise<void> {
    const { what } = this;
    if (!('browse' in what || 'picked' in what)) return;
    this.asked.add(page);
    if (page === 0) this.loading = true;
    try {
      if ('picked' in what) {
        const ids = what.picked.slice(page * PAGE, (page + 1) * PAGE);
        const found = new Map((ids.length ? await api.recordingsOf(ids, this.abort.signal) : []).map((row) => [row.id, row]));
        ids.forEach((id, i) => {
          const row = found.get(id);
          if (row) this.all[page * PAGE + i] = ofRecording(row);
        });
        this.arrange();
        this.loading = false;
        return;
      }
      const answer = await api.recordings(what.browse, { sort: what.sort, offset: page * PAGE, limit: PAGE }, this.abort.signal);
      answer.data.forEach((row, i) => (this.all[page * PAGE + i] = ofRecording(row)));
      this.count = answer.total;
      if (this.all.length > answer.total) this.all.length = answer.total;
      this.arrange();
      this.loading = false;
    } catch (thrown) {
      this.asked.delete(page);
      this.fail(thrown);
    }
  }

  private fail(thrown: unknown): void {
    if (isAbort(thrown)) return;
    this.loading = false;
    this.error = asError(thrown);
  }
}
