// Waveforms of rows: asked for together, kept, and dropped when the row has scrolled away before its turn came.

import { api } from './api';
import type { Span, Waveform } from './types';

const POINTS = 160;
const AT_ONCE = 48;
const KEPT = 3000;

interface Wish {
  span: Span;
  wanted: () => boolean;
  settle: (wave: Waveform | null) => void;
}

const cache = new Map<string, Waveform>();
const wishes = new Map<string, Wish[]>();
let timer = 0;
let running = 0;

const keyOf = (span: Span): string => `${span.recording_id}|${span.start ?? 0}|${span.end ?? ''}`;

export function forgetPeaks(): void {
  cache.clear();
}
/** What is known at once. */
export const knownPeaks = (span: Span): Waveform | undefined => cache.get(keyOf(span));

/** The waveform of the span's whole recording, with the loudness of the span. Null when there is none. */
export function peaks(span: Span, wanted: () => boolean = () => true): Promise<Waveform | null> {
  const key = keyOf(span);
  const known = cache.get(key);
  if (known) {
    cache.delete(key); // last used goes last
    cache.set(key, known);
    return Promise.resolve(known);
  }
  return new Promise((settle) => {
    const list = wishes.get(key) ?? [];
    list.push({ span, wanted, settle });
    wishes.set(key, list);
    if (!timer) timer = window.setTimeout(flush, 20);
  });
}

function remember(key: string, wave: Waveform): void {
  cache.set(key, wave);
  for (const oldest of cache.keys()) {
    if (cache.size <= KEPT) break;
    cache.delete(oldest);
  }
}

async function flush(): Promise<void> {
  timer = 0;
  if (running >= 2) return;
  const batch: [string, Wish[]][] = [];
  // The newest wishes first: they are what is on screen.
  for (const [key, list] of [...wishes].reverse()) {
    if (!list.some((wish) => wish.wanted())) {
      wishes.delete(key);
      list.forEach((wish) => wish.settle(null));
    } else if (batch.length < AT_ONCE) {
      wishes.delete(key);
      batch.push([key, list]);
    }
  }
  if (!batch.length) return;
  running += 1;
  try {
    const answer = await api.peaks(
      batch.map(([, list]) => (list[0] as Wish).span),
      POINTS,
    );
    const missing = new Set(answer.missing);
    const found = answer.data.values();
    for (const [key, list] of batch) {
      const span = (list[0] as Wish).span;
      let wave: Waveform | null = null;
      if (!missing.has(span.recording_id)) wave = found.next().value ?? null;
      else if (list.some((wish) => wish.wanted())) wave = await api.waveform(span.recording_id, { n: POINTS }).catch(() => null);
      if (wave) remember(key, wave);
      list.forEach((wish) => wish.settle(wave));
    }
  } catch {
    batch.forEach(([, list]) => list.forEach((wish) => wish.settle(null)));
  } finally {
    running -= 1;
    if (wishes.size && !timer) timer = window.setTimeout(flush, 0);
  }
}
