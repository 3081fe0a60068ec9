// Lanes lie below the pictures and share their time axis. Each is a name and things at times; what a later capability knows of a
// recording becomes one more lane; what is said of it (captions) has one of its own, with evidence.

import type { RecordingDetail, SpokenText } from '../lib/types';

export interface LaneItem {
  start: number;
  /** A point in time has none. */
  end: number | null;
  text: string;
}
export interface Lane {
  id: string;
  title: string;
  items: LaneItem[];
}

const isMarker = (text: SpokenText): boolean => text.source === 'marker';
/** Said of the recording by a model, not in it. */
export const isCaption = (text: SpokenText): boolean => text.source === 'caption';

function laneOf(id: string, title: string, texts: SpokenText[]): Lane | null {
  const items = texts
    .filter((text): text is SpokenText & { start: number } => text.start !== null)
    .map(({ start, end, text }) => ({ start, end: end !== null && end > start ? end : null, text }))
    .sort((a, b) => a.start - b.start);
  return items.length ? { id, title, items } : null;
}

export function lanesOf(detail: RecordingDetail): Lane[] {
  return [
    laneOf('words', 'Words', detail.texts.filter((text) => !isMarker(text) && !isCaption(text))),
    laneOf('marks', 'Marks', detail.texts.filter(isMarker)),
  ].filter((lane) => lane !== null);
}
