// Play through: one recording after another; of long ones the beginning. Whatever else is played ends it.

import { api } from '../lib/api';
import { trackOf } from '../lib/listing.svelte';
import { player } from '../lib/player.svelte';
import { ofRecording } from '../lib/rows.svelte';
import { session } from '../lib/session.svelte';
import type { RecordingRow } from '../lib/types';

/** Seconds of each. */
export const EACH = 20;

const known = new Map<string, RecordingRow>();
/** A recording's row, from memory if it was asked before. */
export async function rowOf(id: number): Promise<RecordingRow> {
  const key = `${session.library?.id} ${session.library?.pipeline_id} ${id}`;
  const have = known.get(key);
  if (have) return have;
  const row = await api.recording(id);
  known.set(key, row);
  if (known.size > 500) known.delete(known.keys().next().value as string);
  return row;
}
export async function playById(id: number): Promise<void> {
  await player.play(trackOf(ofRecording(await rowOf(id))), 0);
}

export class Through {
  ids = $state.raw<readonly number[]>([]);
  index = $state(0);
  private starting = false;

  get on(): boolean {
    return this.ids.length > 0;
  }
  start(ids: readonly number[]): void {
    this.ids = ids;
    this.index = -1;
    void this.step(1);
  }
  stop(): void {
    this.ids = [];
  }
  async step(way: 1 | -1): Promise<void> {
    const to = this.index + way;
    if (to >= this.ids.length) return this.stop();
    this.index = Math.max(0, to);
    const id = this.ids[this.index] as number;
    this.starting = true;
    try {
      const next = this.ids[this.index + 1];
      await playById(id);
      if (next !== undefined) void rowOf(next).catch(() => undefined);
    } catch {
      this.starting = false;
      return this.step(way); // gone meanwhile: the next one
    }
    this.starting = false;
  }
  /** Called as playing goes on. */
  watch(): void {
    const { track, position, playing } = player;
    if (!this.on || this.starting) return;
    if (!track || track.id !== this.ids[this.index]) this.stop();
    else if (player.failed || (playing && position >= Math.min(track.duration, EACH) - 0.03) || (!playing && player.audio.ended)) void this.step(1);
  }
}
