// What is listened for in this recording, and when it is heard. The server reads the events at every threshold of the slider from one
// listening, so that the slider shows what `auricle detect --threshold` gives, without asking again.

import { type ApiError, asError, isAbort, lines } from '../lib/api';
import type { Listened } from '../lib/types';

export const THRESHOLDS: readonly number[] = Array.from({ length: 19 }, (_, i) => Number(((i + 1) * 0.05).toFixed(2)));
/** Sounds of every day, for who wants to know what there is at all. */
export const COMMON: readonly string[] = [
  ...['speech', 'music', 'singing', 'a dog barking', 'birds singing', 'a cat meowing', 'rain', 'wind', 'thunder', 'running water'],
  ...['footsteps', 'a car passing', 'an engine', 'a siren', 'a bell ringing', 'a door closing', 'laughter', 'applause'],
];

export interface HeardEvent {
  key: string;
  label: string;
  start: number;
  end: number;
  /** Its highest probability. */
  score: number;
}
export interface Ask {
  labels: string[];
  taught?: string;
}
interface Lane {
  label: string;
  taught: string | null;
  /** Still listened for: what is not there may come. */
  open: boolean;
  at: Map<number, HeardEvent[]>;
}
const near = (threshold: number): number => THRESHOLDS.reduce((best, one) => (Math.abs(one - threshold) < Math.abs(best - threshold) ? one : best));
const place = (threshold: number): number => Math.round(threshold * 100);
export const inOrder = (a: HeardEvent, b: HeardEvent): number => a.start - b.start || a.end - b.end || a.label.localeCompare(b.label);

export class Ears {
  threshold = $state(0.4);
  listening = $state(false);
  heardTo = $state(0);
  error = $state.raw<ApiError | null>(null);
  private all = $state.raw<readonly Lane[]>([]);
  private moved = false;
  private waiting: Ask[] = [];
  private failed: Ask | null = null;
  private abort: AbortController | null = null;

  constructor(private readonly id: number) {}

  /** All that is listened for: in the order asked, with the events at the threshold. */
  readonly lanes = $derived.by(() =>
    this.all.map(({ label, taught, open, at }) => ({ label, taught, open, events: [...(at.get(place(this.threshold)) ?? [])].sort(inOrder) })),
  );
  /** Events of all lanes in order of time. */
  readonly events = $derived.by(() => this.lanes.flatMap((lane) => lane.events).sort(inOrder));

  get asked(): boolean {
    return this.all.length > 0 || this.listening || this.error !== null;
  }
  /** For the address: words, and names of what was taught. */
  get question(): [string, string][] {
    const taught = [...new Set(this.all.map((lane) => lane.taught).filter((name) => name !== null))];
    return [...this.all.filter((lane) => lane.taught === null).map((lane): [string, string] => ['hear', lane.label]), ...taught.map((name): [string, string] => ['taught', name])];
  }

  setThreshold(threshold: number): void {
    this.threshold = near(threshold);
    this.moved = true;
  }

  /** Listen for more; what is listened for already is left out. */
  ask(ask: Ask): void {
    const known = new Set(this.all.map((lane) => lane.label.toLowerCase()));
    const labels = ask.labels.filter((label) => !known.has(label.toLowerCase()));
    if (ask.taught && this.all.some((lane) => lane.taught === ask.taught)) return;
    if (!labels.length && !ask.taught) return;
    this.error = null;
    this.open(labels, null);
    this.waiting.push({ ...ask, labels });
    if (!this.listening) void this.run();
  }
  forget(label: string): void {
    this.all = this.all.filter((lane) => lane.label !== label);
    if (this.listening && !this.all.some((lane) => lane.open)) this.stop();
  }
  clear(): void {
    this.stop();
    this.error = null;
    this.all = [];
  }
  /** What was heard so far stays. */
  stop(): void {
    this.waiting = [];
    this.abort?.abort();
    this.close();
  }
  again(): void {
    const ask = this.failed;
    this.failed = null;
    if (!ask) return;
    this.all = this.all.filter((lane) => !ask.labels.includes(lane.label) && (!ask.taught || lane.taught !== ask.taught));
    this.ask(ask);
  }

  private open(labels: readonly string[], taught: string | null): void {
    const fresh = labels.map((label): Lane => ({ label, taught, open: true, at: new Map() }));
    this.all = [...this.all.filter((lane) => !labels.includes(lane.label)), ...fresh];
  }
  private close(labels?: readonly string[]): void {
    this.all = this.all.map((lane) => (!labels || labels.includes(lane.label) ? { ...lane, open: false } : lane));
  }

  private async run(): Promise<void> {
    for (let ask = this.waiting.shift(); ask; ask = this.waiting.shift()) {
      const abort = new AbortController();
      this.abort = abort;
      this.listening = true;
      this.heardTo = 0;
      let labels: readonly string[] = ask.labels;
      try {
        const body = { recording_id: this.id, labels: ask.labels, taught: ask.taught ?? null, thresholds: THRESHOLDS };
        for await (const line of lines<Listened>('detect/stream', body, abort.signal)) {
          if (line.labels) {
            const taught = line.labels.filter((label) => !ask.labels.includes(label));
            if (ask.taught) this.open(taught, ask.taught);
            labels = line.labels;
            if (!this.moved && line.threshold) this.threshold = near(line.threshold);
          }
          this.take(line);
        }
      } catch (thrown) {
        if (!isAbort(thrown) && !abort.signal.aborted) {
          this.error = asError(thrown);
          this.failed = ask;
          this.waiting = [];
        }
      }
      this.close(labels);
    }
    this.listening = false;
  }

  private take(line: Listened): void {
    this.heardTo = line.heard_to ?? this.heardTo;
    if (!line.events?.length) return;
    const lanes = new Map(this.all.map((lane) => [lane.label, lane]));
    for (const { threshold, ...event } of line.events) {
      const at = lanes.get(event.label)?.at;
      if (!at) continue; // taken away meanwhile
      const list = at.get(place(threshold));
      const made = { ...event, key: `${event.label}@${event.start}-${event.end}` };
      if (list) list.push(made);
      else at.set(place(threshold), [made]);
    }
    this.all = [...this.all];
  }
}
