// The waveform at any zoom: the whole in a few thousand points, and finer points of what is in sight as soon as they have come.

import { api, type ApiError, asError, isAbort } from '../lib/api';
import type { Waveform } from '../lib/types';
import type { View } from './view.svelte';

const WHOLE = 4096;

export class Shape {
  whole = $state.raw<Waveform | null>(null);
  fine = $state.raw<Waveform | null>(null);
  error = $state.raw<ApiError | null>(null);

  constructor(private readonly id: number) {}

  async start(signal: AbortSignal): Promise<void> {
    this.error = null;
    try {
      this.whole = await api.waveform(this.id, { n: WHOLE }, signal);
    } catch (thrown) {
      if (!isAbort(thrown)) this.error = asError(thrown);
    }
  }

  /** Ask for finer points if those at hand are too coarse for so many pixels. Some room at both sides, for small moves. */
  refine(view: View, pixels: number): (() => void) | undefined {
    const { from, to, span, duration } = view;
    const needed = span / pixels;
    const enough = (wave: Waveform | null) =>
      !!wave && wave.start <= from + 1e-3 && wave.end >= to - 1e-3 && (wave.end - wave.start) / wave.max.length <= needed * 1.1;
    if (!pixels || enough(this.whole) || enough(this.fine)) return undefined;
    const start = Math.max(0, from - span / 2);
    const end = Math.min(duration, to + span / 2);
    const n = Math.min(8192, Math.max(8, Math.ceil((end - start) / needed)));
    const abort = new AbortController();
    const timer = setTimeout(() => {
      api
        .waveform(this.id, { start, end, n }, abort.signal)
        .then((got) => (this.fine = got))
        .catch(() => undefined); // the coarse one stays
    }, 120);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }

  /** Peaks of a stretch, as many as asked, 0…1 above and −1…0 below. */
  peaks(from: number, to: number, n: number): [Float32Array, Float32Array] {
    const top = new Float32Array(n);
    const low = new Float32Array(n);
    const { whole, fine } = this;
    for (let i = 0; i < n; i += 1) {
      const a = from + ((to - from) * i) / n;
      const b = from + ((to - from) * (i + 1)) / n;
      const wave = fine && fine.start <= a + 1e-6 && fine.end >= b - 1e-6 ? fine : whole;
      if (!wave) continue;
      const points = wave.max.length;
      const scale = points / (wave.end - wave.start);
      const first = Math.min(points - 1, Math.max(0, Math.floor((a - wave.start) * scale)));
      const last = Math.min(points, Math.max(first + 1, Math.floor((b - wave.start) * scale)));
      let up = 0;
      let down = 0;
      for (let j = first; j < last; j += 1) {
        up = Math.max(up, wave.max[j] ?? 0);
        down = Math.min(down, wave.min[j] ?? 0);
      }
      top[i] = up / 127;
      low[i] = down / 127;
    }
    return [top, low];
  }
  readonly loudest: number = $derived.by(() => {
    let most = 6;
    for (const value of this.whole?.max ?? []) most = Math.max(most, value);
    for (const value of this.whole?.min ?? []) most = Math.max(most, -value);
    return most / 127;
  });
}
