// Who comes to a page is put at its heading: a screen reader says where they are, keys do what they do here, Tab goes on from there.

export function arrive(heading: HTMLElement): void {
  heading.tabIndex = -1;
  heading.style.outline = 'none';
  heading.focus({ preventScroll: true });
}
