// What the last question found in this recording. The question travels in the address, so that a link opens the same moments.

import { api, type ApiError, asError, isAbort } from '../lib/api';
import { ofMoment, type Row } from '../lib/rows.svelte';
import type { Clip } from '../lib/types';

const KEYS = ['q', 'not', 'like', 'liked'] as const;

/** The question of a search's address, as far as it can be asked of one recording. */
export function questionOf(params: URLSearchParams): URLSearchParams {
  const question = new URLSearchParams();
  for (const key of KEYS) params.getAll(key).forEach((value) => question.append(key, value));
  if (!question.get('q') && !question.get('like') && !question.has('not')) return new URLSearchParams();
  return question;
}

function clipOf(text: string | null): Clip | null {
  if (!text) return null;
  if (text.startsWith('upload:')) return { upload_id: text.slice(7) };
  const parts = text.match(/^(\d+)@([\d.]+)-([\d.]*)$/);
  return parts ? { recording_id: Number(parts[1]), start: Number(parts[2]), end: parts[3] ? Number(parts[3]) : null } : null;
}
const MOST = 40;
const LEAST = 0.5; // of the best score: what says less is not a find

export class Found {
  rows = $state.raw<Row[]>([]);
  loading = $state(false);
  error = $state.raw<ApiError | null>(null);

  /** Moments of this recording, in order of time. */
  async ask(question: URLSearchParams, id: number, path: string, signal: AbortSignal): Promise<void> {
    this.error = null;
    if (![...question.keys()].length) {
      this.rows = [];
      return;
    }
    this.loading = true;
    try {
      const where = `path = "${path.replace(/["\\]/g, '\\$&')}"`;
      const answer = await api.search(
        { query: question.get('q') ?? '', unwanted: question.getAll('not'), like: clipOf(question.get('like')), filters: { where }, limit: MOST },
        signal,
      );
      const own = answer.data.filter((one) => one.recording_id === id);
      const best = own[0]?.score ?? 0;
      this.rows = own
        .filter((one) => one.score >= best * LEAST)
        .map(ofMoment)
        .sort((a, b) => a.start - b.start);
      this.loading = false;
    } catch (thrown) {
      if (isAbort(thrown)) return;
      this.loading = false;
      this.error = asError(thrown);
    }
  }
  /** The moment that begins next after (or before) a time. */
  step(seconds: number, way: 1 | -1): Row | undefined {
    return way === 1 ? this.rows.find((row) => row.start > seconds + 0.35) : this.rows.findLast((row) => row.end < seconds - 0.05 || row.start < seconds - 1.5);
  }
}
