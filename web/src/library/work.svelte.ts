// The long work of a library: what runs, what ended badly, and starting more of it.

import { api, type ApiError, asError } from '../lib/api';
import { session } from '../lib/session.svelte';
import type { JobInfo } from '../lib/types';

export class Work {
  /** Why the last thing that was asked did not start. */
  refused = $state.raw<ApiError | null>(null);
  jobs = $state.raw<JobInfo[]>([]);
  private asking = $state(false);

  get busy(): boolean {
    return session.busy || this.asking || (session.library?.job ?? null) !== null;
  }
  /** The newest job, where it did not end well and nothing newer did. */
  get cutShort(): JobInfo | null {
    if (session.busy) return null;
    const last = this.jobs.find((job) => job.library === session.library?.id && job.kind !== 'map');
    return last && (last.state === 'interrupted' || last.state === 'failed' || last.state === 'cancelled') ? last : null;
  }
  get ended(): JobInfo | null {
    const last = this.jobs.find((job) => job.library === session.library?.id && job.kind !== 'map');
    return last?.state === 'done' ? last : null;
  }

  async look(): Promise<void> {
    try {
      this.jobs = (await api.jobs()).data;
    } catch {
      // The line at the top says that the server is gone.
    }
  }
  async start(what: () => Promise<JobInfo>): Promise<void> {
    this.refused = null;
    this.asking = true;
    try {
      const job = await what();
      session.job = job;
      session.follow(job.id);
      void session.refresh();
    } catch (thrown) {
      this.refused = asError(thrown);
    } finally {
      this.asking = false;
      void this.look();
    }
  }
  async cancel(): Promise<void> {
    const id = session.job?.id ?? session.library?.job;
    if (!id) return;
    try {
      await api.cancelJob(id);
    } catch (thrown) {
      this.refused = asError(thrown);
    }
  }
}
