// Calls that teach. Mirror of src/auricle/service/taught_schemas.py.

import { get, send } from '../lib/api';
import type { Moment, Span } from '../lib/types';

export interface Standing {
  examples: number;
  score: number | null;
  low: number | null;
  high: number | null;
}
export interface TaughtLabel {
  label: string;
  examples: number;
  distinct: number;
  rejected: number;
  score: number | null;
  low: number | null;
  high: number | null;
  found: number | null;
  false_alarms: number | null;
}
export interface Example {
  recording_id: number | null;
  name: string;
  start: number;
  end: number;
  labels: Record<string, boolean>;
}
export interface Taught {
  name: string;
  labels: TaughtLabel[];
  standing: Standing;
  history: Standing[];
  warnings: string[];
  background: string;
  usable: boolean;
  model: string;
  pipeline_id: string;
}
export interface TaughtDetail extends Taught {
  examples: Example[];
}
export interface Uncertain extends Moment {
  label: string;
  probability: number;
}
export interface Answer {
  recording_id: number;
  start: number;
  end: number;
  label: string;
  /** null takes back what was said. */
  yes: boolean | null;
}

const at = (name: string): string => `taught/${encodeURIComponent(name)}`;

export const taughtApi = {
  all: async (signal?: AbortSignal) => (await get<{ data: Taught[] }>('taught', {}, signal)).data,
  one: (name: string, signal?: AbortSignal) => get<TaughtDetail>(at(name), {}, signal),
  make: (name: string, label: string, yes: Span[]) => send<TaughtDetail>('POST', 'taught', { json: { name, labels: { [label]: { yes } } } }),
  forget: (name: string) => send<void>('DELETE', at(name)),
  uncertain: async (name: string, limit: number, signal?: AbortSignal) =>
    (await get<{ data: Uncertain[] }>(`${at(name)}/uncertain`, { limit }, signal)).data,
  answer: (name: string, answer: Answer) => send<TaughtDetail>('POST', `${at(name)}/answers`, { json: answer }),
};
