import type { Tag } from './types';

/** Of these a person learns nothing that the name and the folder do not say. */
const PLAIN = new Set(['name', 'folder', 'encoder', 'software', 'tool', 'format']);
/** Tags worth a row's space: those people gave first. */
export function telling(tags: readonly Tag[]): Tag[] {
  const own = tags.filter((tag) => tag.source === 'user');
  return [...own, ...tags.filter((tag) => tag.source !== 'user' && !PLAIN.has(tag.key))];
}
