"""One line of the terminal that shows where a sound is heard and what is being said of it; it is gone before the result is printed."""

from __future__ import annotations

import shutil
import sys

from auricle.cli import output


class Live:
    """On stderr, and only where that is a terminal: what is printed is the same with it and without.

    What is shown here no evidence was looked for yet. ``with Live() as live`` leaves no trace, whatever happens inside.
    """

    def __init__(self) -> None:
        self._on = output.is_terminal()
        self._at = ""
        self._text = ""

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def heard(self, seconds: float) -> None:
        """What comes next is said of the sound from there on."""
        self._at, self._text = output.clock(seconds), ""
        self._draw()

    def told(self, piece: str) -> None:
        self._text += piece
        self._draw()

    def clear(self) -> None:
        """To be called before anything else is printed."""
        if self._on and (self._at or self._text):
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._at = self._text = ""

    def _draw(self) -> None:
        if not self._on:
            return
        text = output.one_line(self._text)
        while text and output.columns(text) > shutil.get_terminal_size().columns - len(self._at) - 6:
            text = text[1:]  # the end is what is new
        sys.stderr.write(f"\r\x1b[K  {self._at}  {text}")
        sys.stderr.flush()
