// What of a recording is in sight, and what is selected in it. All pictures of the page read their time axis from here.

export interface Stretch {
  start: number;
  end: number;
}
/** Spectrograms of more than this are drawn only when asked for. */
export const AUTO_SECONDS = 300;
const LEAST = 0.05;

export class View {
  from = $state(0);
  to = $state(1);
  selection = $state.raw<Stretch | null>(null);

  constructor(readonly duration: number) {
    this.to = Math.max(duration, 1e-3);
  }
  get span(): number {
    return this.to - this.from;
  }
  get isWhole(): boolean {
    return this.span >= this.duration - 1e-6;
  }

  show(from: number, to: number): void {
    const span = Math.min(this.duration, Math.max(Math.min(LEAST, this.duration), to - from));
    const start = Math.min(Math.max(0, from + (to - from - span) / 2), this.duration - span);
    this.from = start;
    this.to = start + span;
  }
  whole(): void {
    this.show(0, this.duration);
  }
  /** Twice as near is 0.5; what lies at `at` stays where it is. */
  zoom(factor: number, at = (this.from + this.to) / 2): void {
    const span = Math.min(this.duration, Math.max(LEAST, this.span * factor));
    const share = (at - this.from) / this.span;
    this.show(at - share * span, at - share * span + span);
  }
  pan(seconds: number): void {
    const from = Math.min(Math.max(0, this.from + seconds), this.duration - this.span);
    this.to = from + this.span;
    this.from = from;
  }
  /** A stretch with some of what is around it. */
  around(start: number, end: number): void {
    const room = Math.max(1, (end - start) * 0.75);
    this.show(start - room, end + room);
  }
  /** While it plays: turn the page when the play head leaves it at the right. */
  follow(before: number, now: number): void {
    if (before <= this.to && now > this.to && now - before < 1) this.pan(this.span * 0.9);
  }
  select(a: number, b: number): void {
    const start = Math.max(0, Math.min(a, b));
    const end = Math.min(this.duration, Math.max(a, b));
    this.selection = end - start >= 0.01 ? { start, end } : null;
  }

  /** 0…1 across the picture; beyond it where the time is out of sight. */
  share(seconds: number): number {
    return (seconds - this.from) / this.span;
  }
  secondsAt(share: number): number {
    return this.from + Math.min(1, Math.max(0, share)) * this.span;
  }
}
