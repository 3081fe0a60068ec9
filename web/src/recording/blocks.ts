// Events as blocks across a lane. Those too near to each other to be told apart are one, so that ten hours of them stay a few hundred.

import type { HeardEvent } from './ears.svelte';

export interface Block {
  event: HeardEvent;
  /** Where the last of them ends. */
  end: number;
  /** How many besides the first. */
  more: number;
  /** 0…1 across the lane. */
  left: number;
  width: number;
}
const LEAST = 4; // pixels of a block

/** events: in order of start. `alone`: the key of one that is always a block of its own. */
export function blocksOf(events: readonly HeardEvent[], from: number, to: number, width: number, alone?: string): Block[] {
  const blocks: Block[] = [];
  const share = (t: number) => Math.min(1, Math.max(0, (t - from) / (to - from)));
  const least = LEAST / Math.max(width, 1);
  for (const event of events) {
    if (event.start > to || event.end < from) continue;
    const left = share(event.start);
    const right = Math.max(share(event.end), left);
    const before = blocks.at(-1);
    const tight = before && right - left < least && before.width <= 2 * least && left - before.left < least;
    if (tight && event.key !== alone && before.event.key !== alone) {
      before.more += 1;
      before.end = Math.max(before.end, event.end);
      before.width = Math.max(before.width, right - before.left);
      if (event.score > before.event.score) before.event = { ...before.event, score: event.score };
    } else blocks.push({ event, end: event.end, more: 0, left, width: right - left });
  }
  return blocks;
}
