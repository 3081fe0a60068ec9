// Who comes to a page by a link or a key is put at its heading: a screen reader says where they are, Tab goes on from there.

export function arrive(heading: HTMLElement): void {
  heading.tabIndex = -1;
  heading.style.outline = 'none';
  const at = document.activeElement;
  if (at === null || at === document.body || at.closest('main, nav, .foot') || !at.isConnected) heading.focus({ preventScroll: true });
}
