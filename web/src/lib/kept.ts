// Small choices that outlive the page: auto-preview, volume, the folded rail.

export function kept<V>(key: string, otherwise: V): V {
  try {
    const text = localStorage.getItem(`auricle.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as V);
  } catch {
    return otherwise;
  }
}
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(`auricle.${key}`, JSON.stringify(value));
  } catch {
    // Storage is off or full: nothing is lost that matters.
  }
}
