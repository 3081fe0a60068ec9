// What a model says of this recording: a timeline of captions, and answers to questions. Each claim comes with the spans where a second
// listener hears it, or is marked as one without evidence.

import { type ApiError, asError, isAbort, lines } from '../lib/api';
import type { Answered, Answering, Captioned, EvidenceSpan, SpokenText, Timeline } from '../lib/types';
import { isCaption } from './lanes';
import type { Stretch } from './view.svelte';

/** Characters of a question that are read. */
export const LONGEST = 2000;
const MOST = 12; // answers that are shown

export interface Said {
  start: number;
  end: number;
  text: string;
  evidence: readonly EvidenceSpan[];
  unsupported: readonly string[];
}
export const keyOf = (one: Stretch): string => `${one.start}-${one.end}`;
const saidOf = ({ start, end, caption, evidence = [], unsupported = [] }: Captioned): Said => ({ start, end, text: caption, evidence, unsupported });

export class Captions {
  all = $state.raw<readonly Said[]>([]);
  summary = $state('');
  listening = $state(false);
  heardTo = $state(0);
  /** Where listening was stopped before the end: what was said is not kept. */
  stoppedAt = $state<number | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** They were asked for here, or read from the library. */
  stored = $state(false);
  private abort: AbortController | null = null;

  constructor(private readonly id: number) {}

  /** Those of an earlier time; of them the library keeps the words alone. */
  read(texts: readonly SpokenText[]): void {
    if (this.listening || this.all.length) return;
    const known = texts.filter(isCaption).filter((text): text is SpokenText & Stretch => text.start !== null && text.end !== null);
    this.all = known.map(({ start, end, text }) => ({ start, end, text, evidence: [], unsupported: [] })).sort((a, b) => a.start - b.start);
    this.stored = this.all.length > 0;
  }

  /** keep: among the texts of the library, where search finds them. */
  async listen(keep: boolean): Promise<void> {
    if (this.listening) return;
    const abort = new AbortController();
    this.abort = abort;
    this.listening = true;
    this.error = this.stoppedAt = null;
    this.heardTo = 0;
    this.summary = '';
    this.stored = false;
    this.all = [];
    try {
      for await (const line of lines<Timeline>(keep ? 'captions' : 'caption/stream', { recording_id: this.id }, abort.signal)) {
        this.heardTo = line.heard_to ?? this.heardTo;
        if (line.captions?.length) this.all = [...this.all, ...line.captions.map(saidOf)];
        if (line.done) {
          this.summary = line.summary?.summary ?? '';
          this.stored = line.stored ?? false;
        }
      }
    } catch (thrown) {
      if (!isAbort(thrown) && !abort.signal.aborted) this.error = asError(thrown);
    }
    this.listening = false;
  }
  stop(): void {
    if (!this.listening) return;
    this.stoppedAt = this.heardTo;
    this.abort?.abort();
  }
}

export interface Question {
  id: number;
  text: string;
  /** What it is about, where that is not the whole. */
  part: Stretch | null;
  /** As it is spoken; the answer itself counts. */
  spoken: string;
  answer: Answered | null;
  error: ApiError | null;
  stopped: boolean;
}

export class Questions {
  /** The newest first. */
  all = $state.raw<readonly Question[]>([]);
  private abort: AbortController | null = null;
  private count = 0;

  constructor(private readonly recording: number) {}

  readonly asking = $derived.by(() => {
    const newest = this.all[0];
    return newest && !newest.answer && !newest.error && !newest.stopped ? newest : null;
  });

  /** Ask; what was being answered is broken off. */
  async ask(text: string, part: Stretch | null): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.abort = abort;
    const id = (this.count += 1);
    this.all = [{ id, text, part, spoken: '', answer: null, error: null, stopped: false }, ...this.all].slice(0, MOST);
    const clip = { recording_id: this.recording, ...(part ? { start: part.start, end: part.end } : {}) };
    try {
      for await (const line of lines<Answering>('ask/stream', { clip, question: text }, abort.signal)) {
        if (line.piece) this.change(id, (one) => ({ spoken: one.spoken + line.piece }));
        if (line.answer) this.change(id, () => ({ answer: line.answer }));
      }
    } catch (thrown) {
      if (!isAbort(thrown) && !abort.signal.aborted) this.change(id, () => ({ error: asError(thrown) }));
    }
  }
  again(one: Question): void {
    this.all = this.all.filter((other) => other.id !== one.id);
    void this.ask(one.text, one.part);
  }
  stop(): void {
    const now = this.asking;
    if (!now) return;
    this.change(now.id, () => ({ stopped: true }));
    this.abort?.abort();
  }
  private change(id: number, how: (one: Question) => Partial<Question>): void {
    this.all = this.all.map((one) => (one.id === id ? { ...one, ...how(one) } : one));
  }
}
