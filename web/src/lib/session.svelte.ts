// What the page knows of the server: is it there, which library, what is it doing.

import { api, ApiError, asError, onConnection, useLibrary } from './api';
import { many } from './format';
import { keep, kept } from './kept';
import { forgetPeaks } from './peaks';
import { player } from './player.svelte';
import type { JobInfo, LibraryInfo, Status } from './types';
import { undo } from './undo.svelte';

const FINISHED = new Set(['done', 'failed', 'cancelled', 'interrupted']);

class Session {
  status = $state.raw<Status | null>(null);
  error = $state.raw<ApiError | null>(null);
  reachable = $state(true);
  /** The job at work on the library, as it goes on. */
  job = $state.raw<JobInfo | null>(null);
  /** Grows whenever the library may hold more or other things than before: lists load again. */
  generation = $state(0);
  private chosen = $state<string | null>(kept('library', null));
  private events: EventSource | null = null;
  private followed: string | null = null;
  private told = 0;
  private waiting = 0;

  library: LibraryInfo | null = $derived.by(() => {
    const all = this.status?.libraries ?? [];
    return all.find((one) => one.id === this.chosen) ?? all[0] ?? null;
  });

  start(): void {
    onConnection((reachable) => {
      if (reachable === this.reachable) return;
      this.reachable = reachable;
      if (!reachable) this.wait();
    });
    void this.refresh();
    setInterval(() => {
      if (!document.hidden && this.reachable) void this.refresh();
    }, 20_000);
  }

  async refresh(): Promise<void> {
    try {
      this.status = await api.status();
      this.error = null;
      const library = this.library;
      useLibrary(library && library.id !== this.status.libraries[0]?.id ? library.id : null);
      if (library?.job) this.follow(library.job);
    } catch (thrown) {
      this.error = asError(thrown);
    }
  }

  choose(id: string): void {
    if (id === this.library?.id) return;
    this.chosen = id;
    keep('library', id);
    useLibrary(id);
    this.unfollow();
    this.job = null;
    this.moved();
    void this.refresh();
  }
  /** Other recordings bear the same numbers from now on: another library, or another model's copy of it. */
  moved(): void {
    forgetPeaks();
    player.drop();
    this.generation += 1;
  }

  /** Add a folder of the server's machine and show how it is heard. */
  async addFolder(path: string): Promise<void> {
    if (!this.library) return;
    const job = await api.addFolder(this.library.id, path);
    this.job = job;
    this.follow(job.id);
    await this.refresh();
  }

  /** Show a job's progress until it ends. */
  follow(id: string): void {
    if (this.followed === id) return;
    this.unfollow();
    this.followed = id;
    const events = api.jobEvents(id);
    this.events = events;
    const take = (message: MessageEvent<string>, over: boolean) => {
      const job = JSON.parse(message.data) as JobInfo;
      this.job = job;
      const now = Date.now();
      if (over || now - this.told > 3000) {
        this.told = now;
        if (job.kind !== 'map') this.generation += 1;
        void this.refresh();
      }
      if (over || FINISHED.has(job.state)) {
        this.unfollow();
        this.ended(job);
      }
    };
    events.addEventListener('progress', (message) => take(message as MessageEvent<string>, false));
    events.addEventListener('end', (message) => take(message as MessageEvent<string>, true));
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      this.unfollow();
      setTimeout(() => void this.refresh(), 2000);
    };
  }

  private ended(job: JobInfo): void {
    if (job.state === 'failed') {
      const why = [job.error?.detail, job.error?.hint].filter(Boolean).join(' ') || 'the server does not say why.';
      undo.say(`${job.kind === 'map' ? 'The map was not drawn' : 'Indexing stopped'}: ${why}`, { bad: true });
    } else if (job.state === 'done' && job.kind === 'index') {
      const held = Number(job.result?.recordings ?? 0);
      const failed = Number(job.result?.failed ?? 0);
      undo.say(`All heard: ${many(held, 'recording')}${failed ? `; ${many(failed, 'file')} failed` : ''}`);
    }
  }

  private unfollow(): void {
    this.events?.close();
    this.events = null;
    this.followed = null;
  }

  /** Is a job of the library at work now? */
  get busy(): boolean {
    return this.job !== null && !FINISHED.has(this.job.state);
  }

  private wait(): void {
    clearTimeout(this.waiting);
    this.waiting = window.setTimeout(async () => {
      if (!(await api.live())) {
        this.wait();
        return;
      }
      this.reachable = true;
      this.unfollow();
      await this.refresh();
      this.generation += 1;
    }, 1500);
  }
}

export const session = new Session();
