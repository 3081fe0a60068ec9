// What is done with rows: tag, export, show in folder. Each happens at once and says what it did.

import { api, asError } from './api';
import { many } from './format';
import type { Row } from './rows.svelte';
import { search } from './search.svelte';
import { session } from './session.svelte';
import type { MomentRef, Tag, TagRequest } from './types';
import { undo } from './undo.svelte';

const changed = (tags: Tag[], add: string[], remove: string[]): Tag[] => {
  const gone = new Set([...add, ...remove].map((tag) => tag.toLowerCase()));
  const kept = tags.filter((tag) => tag.source !== 'user' || !gone.has(tag.value.toLowerCase()));
  return [...kept, ...add.map((value): Tag => ({ key: 'tag', value, source: 'user' }))];
};

/** Listeners that hold rows of their own (an inspector, the recording page) hear of changed tags. */
export const onTags = new Set<(ids: ReadonlySet<number>, add: string[], remove: string[]) => void>();

function show(ids: ReadonlySet<number>, add: string[], remove: string[]): void {
  search.rows.patch(ids, (row) => ({ ...row, tags: changed(row.tags, add, remove) }));
  onTags.forEach((listener) => listener(ids, add, remove));
}
export const withTags = changed;

/** Give and take tags: at once on screen, then on the server; what fails is taken back. Undone with `u`. */
export async function tag(recordings: number[], add: string[], remove: string[] = []): Promise<void> {
  const ids = [...new Set(recordings)];
  const set = new Set(ids);
  if (!ids.length || (!add.length && !remove.length)) return;
  show(set, add, remove);
  try {
    const { undo: back } = await api.tag({ recordings: ids, add, remove });
    const what = [...add.map((one) => `+${one}`), ...remove.map((one) => `−${one}`)].join(' ');
    undo.did(`Tagged ${ids.length === 1 ? 'a recording' : many(ids.length, 'recording')} ${what}`, async () => {
      for (const request of back) await takeBack(request);
      session.generation += 1;
    });
    session.generation += 1;
  } catch (thrown) {
    show(set, remove, add);
    undo.say(`Not tagged: ${asError(thrown).detail}`, { bad: true });
  }
}

async function takeBack(request: TagRequest): Promise<void> {
  await api.tag(request);
  show(new Set(request.recordings), request.add ?? [], request.remove ?? []);
}

export const refOf = (row: Row): MomentRef => ({ recording_id: row.recording_id, start: row.start, end: row.end, score: row.score, ...(row.label && { label: row.label }) });

/** Moments as a file that the browser saves. */
export async function exportMoments(format: string, moments: MomentRef[], label?: string): Promise<void> {
  const { blob, name } = await api.export({ format, moments, label: label || null });
  const url = URL.createObjectURL(blob);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  undo.say(`Saved ${name}`);
}

/** Show the file in the system's file manager. */
export async function reveal(recording: number): Promise<void> {
  try {
    await api.reveal(recording);
  } catch (thrown) {
    undo.say(asError(thrown).detail, { bad: true });
  }
}
