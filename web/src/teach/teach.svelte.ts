// A taught head on screen: what it was shown, how well it knows, and the moment that it asks about.

import { type ApiError, asError, isAbort } from '../lib/api';
import { player, type Track } from '../lib/player.svelte';
import type { Row } from '../lib/rows.svelte';
import { taughtApi, type Answer, type Example, type Taught, type TaughtDetail, type Uncertain } from './api';

const AHEAD = 6; // moments that are asked for at once

export const trackOf = (m: Uncertain): Track => ({
  id: m.recording_id,
  name: m.name,
  folder: m.folder,
  duration: m.duration,
  format: m.format,
  start: m.start,
  end: m.end,
});
export const exampleTrack = (e: Example): Track | null =>
  e.recording_id === null
    ? null
    : { id: e.recording_id, name: e.name, folder: '', duration: e.end, format: e.name.split('.').at(-1) ?? '', start: e.start, end: e.end };

const keyOf = (m: Uncertain): string => `${m.recording_id}@${m.start}-${m.end}:${m.label}`;

/** “Dog bark!” → “dog-bark”: a name that files and addresses take. */
export const slug = (label: string): string =>
  label
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'sound';

class Teach {
  /** Moments picked on the search page, to teach from. */
  offered = $state.raw<Row[]>([]);
  heads = $state.raw<Taught[] | null>(null);
  head = $state.raw<TaughtDetail | null>(null);
  queue = $state.raw<Uncertain[]>([]);
  error = $state.raw<ApiError | null>(null);
  /** An answer is on its way. */
  busy = $state(false);
  /** Nothing was asked yet. */
  waiting = $state(true);
  private given = $state.raw<{ answer: Answer; moment: Uncertain }[]>([]);
  private skipped = new Set<string>();
  private turn = 0;

  get asked(): Uncertain | null {
    return this.queue[0] ?? null;
  }
  get answers(): number {
    return this.given.length;
  }

  async list(): Promise<void> {
    const turn = ++this.turn;
    this.error = null;
    this.head = null;
    try {
      const heads = await taughtApi.all();
      if (turn === this.turn) this.heads = heads;
    } catch (thrown) {
      if (turn === this.turn) this.error = asError(thrown);
    }
  }

  async open(name: string): Promise<void> {
    const turn = ++this.turn;
    if (this.head?.name !== name) this.head = null;
    this.queue = [];
    this.given = [];
    this.skipped.clear();
    this.waiting = true;
    this.error = null;
    try {
      const head = await taughtApi.one(name);
      if (turn !== this.turn) return;
      this.head = head;
      if (head.usable) await this.ask(turn);
    } catch (thrown) {
      if (turn === this.turn && !isAbort(thrown)) this.error = asError(thrown);
    } finally {
      if (turn === this.turn) this.waiting = false;
    }
  }

  /** Teach a new kind from what was picked; gives its name. */
  async make(name: string, label: string): Promise<string | null> {
    this.busy = true;
    this.error = null;
    try {
      const spans = this.offered.map((row) => ({ recording_id: row.recording_id, start: row.start, end: row.whole ? null : row.end }));
      const head = await taughtApi.make(name, label, spans);
      this.offered = [];
      return head.name;
    } catch (thrown) {
      this.error = asError(thrown);
      return null;
    } finally {
      this.busy = false;
    }
  }

  async answer(yes: boolean): Promise<void> {
    const moment = this.asked;
    if (!moment || !this.head || this.busy) return;
    const answer = { recording_id: moment.recording_id, start: moment.start, end: moment.end, label: moment.label, yes };
    if (await this.tell(answer)) {
      this.given = [...this.given, { answer, moment }];
      await this.ask(this.turn);
    }
  }

  skip(): void {
    const moment = this.asked;
    if (!moment || this.busy) return;
    this.skipped.add(keyOf(moment));
    this.queue = this.queue.slice(1);
    if (this.queue.length < 2) void this.ask(this.turn);
    else this.hear();
  }

  async undo(): Promise<boolean> {
    const last = this.given.at(-1);
    if (!last || this.busy) return false;
    if (await this.tell({ ...last.answer, yes: null })) {
      this.given = this.given.slice(0, -1);
      this.queue = [last.moment, ...this.queue.filter((one) => keyOf(one) !== keyOf(last.moment))];
      this.hear();
    }
    return true;
  }

  play(): void {
    const moment = this.asked;
    if (!moment) return;
    const track = player.track;
    if (track && track.id === moment.recording_id && track.start === moment.start && track.end === moment.end) player.toggle();
    else void player.play(trackOf(moment));
  }

  private async tell(answer: Answer): Promise<boolean> {
    if (!this.head) return false;
    const turn = this.turn;
    this.busy = true;
    this.error = null;
    try {
      const head = await taughtApi.answer(this.head.name, answer);
      if (turn === this.turn) this.head = head;
      return turn === this.turn;
    } catch (thrown) {
      if (turn === this.turn) this.error = asError(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What it knows least about, as it knows now. */
  private async ask(turn: number): Promise<void> {
    if (!this.head) return;
    try {
      const found = await taughtApi.uncertain(this.head.name, AHEAD + this.skipped.size);
      if (turn !== this.turn) return;
      this.queue = found.filter((one) => !this.skipped.has(keyOf(one)));
      this.hear();
    } catch (thrown) {
      if (turn === this.turn) this.error = asError(thrown);
    }
  }

  private hear(): void {
    const [now, next] = this.queue;
    if (now && player.preview && this.given.length + this.skipped.size > 0) void player.play(trackOf(now));
    if (next) player.ready(trackOf(next));
  }
}

export const teach = new Teach();
