// The keyboard. A page says what its keys do (`keys.use({...})` in an effect); the newest that knows a key gets it.

export interface KeyDoc {
  keys: string[];
  does: string;
}
/** All keys, as the sheet behind “?” shows them. */
export const KEYS: { title: string; rows: KeyDoc[] }[] = [
  {
    title: 'Find',
    rows: [
      { keys: ['/'], does: 'Describe a sound' },
      { keys: ['s'], does: 'Like this' },
      { keys: ['x'], does: 'Not this' },
      { keys: ['f'], does: 'Filters' },
      { keys: ['w'], does: 'Why it was found' },
    ],
  },
  {
    title: 'Move',
    rows: [
      { keys: ['↑', '↓'], does: 'Previous, next (also k, j)' },
      { keys: ['⇧ ↑', '⇧ ↓'], does: 'Select on the way' },
      { keys: ['enter'], does: 'Open the recording' },
      { keys: ['i'], does: 'Details' },
      { keys: ['m'], does: 'Map' },
      { keys: ['esc'], does: 'Back' },
    ],
  },
  {
    title: 'Listen',
    rows: [
      { keys: ['space'], does: 'Play, pause' },
      { keys: ['←', '→'], does: '1 second; with ⇧ 5 seconds' },
      { keys: ['n', 'p'], does: 'Next, previous moment in this recording' },
      { keys: ['l'], does: 'Loop the moment' },
      { keys: ['a'], does: 'Play while moving through the list' },
    ],
  },
  {
    title: 'In a recording',
    rows: [
      { keys: ['+', '−', '0'], does: 'Nearer, farther, the whole' },
      { keys: ['[', ']'], does: 'Select from, up to the play head' },
      { keys: ['z'], does: 'Zoom to the selection' },
      { keys: ['h'], does: 'Listen for a sound' },
      { keys: ['j', 'k'], does: 'Next, previous event' },
      { keys: ['q'], does: 'Ask about what is heard' },
    ],
  },
  {
    title: 'On the map',
    rows: [
      { keys: ['↑', '↓', '←', '→'], does: 'The next point that way; with ⇧ select' },
      { keys: ['g'], does: 'Select with a loop (or ⇧ and drag)' },
      { keys: ['i'], does: 'List the selected, or what is near' },
    ],
  },
  {
    title: 'While teaching',
    rows: [
      { keys: ['y', 'n'], does: 'It is, it is not' },
      { keys: ['j'], does: 'Cannot tell: the next' },
      { keys: ['u'], does: 'Take the last answer back' },
    ],
  },
  {
    title: 'Keep',
    rows: [
      { keys: ['t'], does: 'Tag' },
      { keys: ['e'], does: 'Export' },
      { keys: ['c'], does: 'Select' },
      { keys: ['u'], does: 'Undo' },
      { keys: ['?'], does: 'This sheet' },
    ],
  },
];

/** Names: the key's own ('a', '/', 'Escape', 'ArrowUp', ' '), with 'Shift+' before named keys where held. */
export type Bindings = Record<string, (event: KeyboardEvent) => void | false>;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target instanceof HTMLInputElement);
const presses = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('button, a, summary, [role="menuitem"], [role="menuitemradio"]') !== null;

class Keys {
  private stack: Bindings[] = [];

  constructor() {
    addEventListener('keydown', (event) => this.dispatch(event));
  }

  /** Add bindings; returns how to take them away. Return false from a handler to let the key go on. */
  use(bindings: Bindings): () => void {
    this.stack.push(bindings);
    return () => {
      this.stack = this.stack.filter((one) => one !== bindings);
    };
  }

  private dispatch(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector(':modal')) return; // it gets Escape itself, the rest waits
    const { target, key } = event;
    if (typing(target)) {
      const range = target instanceof HTMLInputElement && (target.type === 'range' || target.type === 'checkbox');
      if (!range || key.startsWith('Arrow') || key === ' ') return;
    }
    if ((key === ' ' || key === 'Enter') && presses(target)) return;
    const name = event.shiftKey && key.length > 1 ? `Shift+${key}` : key.length === 1 && key !== '?' ? key.toLowerCase() : key;
    for (let i = this.stack.length - 1; i >= 0; i -= 1) {
      const handler = this.stack[i]?.[name];
      if (handler && handler(event) !== false) {
        event.preventDefault();
        return;
      }
    }
  }
}

export const keys = new Keys();
