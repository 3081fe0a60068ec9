// What changed, most recent last, and how to take it back. One line of news at a time: it never stacks.

import { asError } from './api';

interface Step {
  label: string;
  undo: () => void | Promise<void>;
}
export interface News {
  text: string;
  undoable: boolean;
  bad: boolean;
}

class Undo {
  news = $state<News | null>(null);
  private steps = $state.raw<Step[]>([]);
  private timer = 0;

  get possible(): boolean {
    return this.steps.length > 0;
  }

  /** Something was changed; `undo` takes it back. */
  did(label: string, undo: Step['undo']): void {
    this.steps = [...this.steps.slice(-49), { label, undo }];
    this.say(label, { undoable: true });
  }

  /** A line of news without a way back (what failed stays longer). */
  say(text: string, { undoable = false, bad = false } = {}): void {
    this.news = { text, undoable, bad };
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => (this.news = null), bad ? 12_000 : 7_000);
  }

  dismiss(): void {
    clearTimeout(this.timer);
    this.news = null;
  }

  async undo(): Promise<void> {
    const step = this.steps.at(-1);
    if (!step) {
      this.say('There is nothing to undo.');
      return;
    }
    this.steps = this.steps.slice(0, -1);
    try {
      await step.undo();
      this.say(`Undone: ${step.label.charAt(0).toLowerCase()}${step.label.slice(1)}`);
    } catch (thrown) {
      this.steps = [...this.steps, step];
      this.say(`Not undone: ${asError(thrown).detail}`, { bad: true });
    }
  }
}

export const undo = new Undo();
