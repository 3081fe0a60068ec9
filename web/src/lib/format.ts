// Numbers as a person reads them.

const grouped = new Intl.NumberFormat('en');
export const count = (n: number): string => grouped.format(n);
/** “1 recording”, “12,004 recordings”. */
export const many = (n: number, one: string, more = `${one}s`): string => `${count(n)} ${n === 1 ? one : more}`;

/** 0:04.2 · 3:12:40 — tenths below an hour where they tell something. */
export function clock(seconds: number, tenths = true): string {
  const t = Math.max(0, tenths ? Math.round(seconds * 10) / 10 : Math.floor(seconds));
  const h = Math.floor(t / 3600);
  const m = Math.floor((t % 3600) / 60);
  const s = t % 60;
  const two = (n: number) => String(n).padStart(2, '0');
  if (h) return `${h}:${two(m)}:${two(Math.floor(s))}`;
  return tenths ? `${m}:${s.toFixed(1).padStart(4, '0')}` : `${m}:${two(s)}`;
}
export const span = (start: number, end: number): string => `${clock(start)} – ${clock(end)}`;

/** 4.2 s · 3:20 · 10 h 02 */
export function length(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return clock(seconds, false);
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`;
}
/** 40 s · 9.6 minutes · 12 hours, in words, for totals. */
export function amount(hours: number): string {
  if (hours * 60 < 1) return `${Math.round(hours * 3600)} seconds`;
  if (hours < 1) return `${(hours * 60).toFixed(hours * 60 < 10 ? 1 : 0)} minutes`;
  return `${hours < 10 ? hours.toFixed(1) : count(Math.round(hours))} hours`;
}
/** About how long still: “20 s”, “4 min”, “2 h 10 min”. */
export function left(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
export const kilohertz = (rate: number): string => `${Number((rate / 1000).toFixed(3))} kHz`;
export const channels = (n: number): string => (n === 1 ? 'mono' : n === 2 ? 'stereo' : `${n} channels`);
export const decibels = (db: number): string => `${db < 0 ? '−' : '+'}${Math.abs(db).toFixed(1)} dB`;
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let n = bytes;
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i += 1;
  }
  return `${i === 0 ? n : n.toFixed(n < 10 ? 1 : 0)} ${units[i]}`;
}
export function date(iso: string | null): string {
  if (!iso) return '';
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return iso;
  return when.toLocaleString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
}
const RANGES: Record<string, string> = {
  '0-1': 'under 1 s',
  '1-5': '1 – 5 s',
  '5-30': '5 – 30 s',
  '30-120': '30 s – 2 min',
  '120-600': '2 – 10 min',
  '600-': 'over 10 min',
};
/** A range of the duration facet in words. */
export const range = (value: string): string => RANGES[value] ?? `${value} s`;
/** The last parts of a folder, as much as a narrow place holds. */
export function tail(path: string, parts = 2): string {
  const all = path.split(/[\\/]/).filter(Boolean);
  return all.length <= parts ? path : `…/${all.slice(-parts).join('/')}`;
}

const base = (path: string): string => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
/** A folder as seen from the library's folders: /home/me/Sounds/rain → Sounds/rain. */
export function within(folder: string, roots: readonly { path: string }[]): string {
  let best = '';
  for (const { path } of roots) if ((folder === path || folder.startsWith(`${path}/`)) && path.length > best.length) best = path;
  return best ? base(best) + folder.slice(best.length) : folder;
}
