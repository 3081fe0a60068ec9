// What is active, as chips under the query; the last one goes first on Backspace.

import { channels, kilohertz, range, tail } from './format';
import { type Chip, search } from './search.svelte';

export function chips(): Chip[] {
  const list: Chip[] = [];
  const f = search.filters;
  if (search.like) list.push({ id: 'like', kind: 'like', text: search.like.name, remove: () => search.dropLike() });
  const understood = search.asking ? (search.rows.understood?.unwanted ?? []) : [];
  for (const words of new Set([...understood, ...search.unwanted]))
    list.push({ id: `not ${words}`, kind: 'not', text: words, remove: () => search.dropNot(words) });
  for (const value of f.folder)
    list.push({ id: `folder ${value}`, kind: 'filter', text: tail(value), title: value, remove: () => search.toggle('folder', value) });
  const duration = search.durationRange();
  if (duration) list.push({ id: 'duration', kind: 'filter', text: range(duration), remove: () => search.toggleDuration(duration) });
  for (const value of f.format) list.push({ id: `format ${value}`, kind: 'filter', text: value, remove: () => search.toggle('format', value) });
  for (const value of f.rate)
    list.push({ id: `rate ${value}`, kind: 'filter', text: kilohertz(value), remove: () => search.toggle('rate', String(value)) });
  for (const value of f.channels)
    list.push({ id: `channels ${value}`, kind: 'filter', text: channels(value), remove: () => search.toggle('channels', String(value)) });
  for (const value of f.tag) list.push({ id: `tag ${value}`, kind: 'filter', text: `#${value}`, remove: () => search.toggle('tag', value) });
  if (f.where) list.push({ id: 'where', kind: 'filter', text: f.where, remove: () => search.drop('where') });
  for (const [id, name] of search.hidden) list.push({ id: `hidden ${id}`, kind: 'hidden', text: name, remove: () => search.show(id) });
  return list;
}
