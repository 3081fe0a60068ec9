"""One call of a tool: the library that it asks, what it met on the way, and how it names recordings."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auricle.agent.results import Candidate, Problem, Processing
from auricle.agent.untrusted import NAME, clean, named
from auricle.errors import LibraryError
from auricle.library.library import Library
from auricle.library.rows import Recording
from auricle.library.store import Store

_KEPT_TEXTS = 4096  # vectors of labels held


class NotKnown(Exception):
    """What was asked about is not there; ``problem`` says so."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class Desk:
    libraries: Mapping[str, Library]
    jobs: Callable[[], Sequence[Mapping[str, Any]]]
    full_paths: bool
    checkpoint: Callable[[], None]
    texts: dict[tuple[str, str], Any]
    lock: threading.Lock
    name: str | None = None
    warnings: list[str] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    image: bytes | None = None
    _library: Library | None = None
    _roots: list[str] | None = None

    # -- the library ---------------------------------------------------------------------------------------------------------

    def choose(self, name: str | None) -> None:
        """Ask the library of this id from now on; the first one for None."""
        names = list(self.libraries)
        if name is None and names:
            self.name = names[0]
        elif name in self.libraries:
            self.name = name
        else:
            near = difflib.get_close_matches(name or "", names, 3) or names[:10]
            hint = f"Libraries are: {', '.join(near)}." if names else "Start the server with --library FOLDER."
            raise NotKnown(Problem(code="library_not_found", message="There is no library of that id.", hint=hint))
        self._library = self._roots = None

    def leave(self) -> None:
        """Ask no library in particular."""
        self.name = self._library = self._roots = None

    @property
    def library(self) -> Library:
        if self._library is None:
            assert self.name is not None
            self._library = self.libraries[self.name]
        return self._library

    @property
    def store(self) -> Store:
        if not self.library.exists:
            raise LibraryError("NotALibrary", "Nothing is indexed in this library yet.", hint="Ask the user to run `auricle index FOLDER`.")
        with self.lock:
            return self.library.store

    @property
    def model(self) -> Any:
        """The library's model, its text vectors remembered: labels are asked for again and again."""
        store, model = self.store, self.library.model
        store.check_model(model)
        return _Remembering(model, self.texts)

    def processing(self, seconds: float) -> Processing:
        model = pipeline = None
        if self._library is not None:
            try:
                model, pipeline = self.store.model, self.store.pipeline_id
            except Exception:  # what was wrong with it stands among the errors
                model = pipeline = None
        return Processing(model=model, pipeline_id=pipeline, library=self.name, took_ms=round(1000 * seconds, 1))

    # -- recordings ----------------------------------------------------------------------------------------------------------

    def recording(self, number: int) -> Recording:
        try:
            return self.store.recording(number)
        except LibraryError as error:
            if error.kind != "NotFound":
                raise
        raise NotKnown(
            Problem(
                code="recording_not_found", message=f"There is no recording {number} in the library {self.name!r}.",
                hint="Ids come from audio_search. A recording that was removed and indexed again has a new one.",
            )
        )  # fmt: skip

    def span(self, number: int, start: float, end: float | None) -> tuple[Recording, float, float]:
        """A recording and the seconds asked, cut to what it holds."""
        recording = self.recording(number)
        if start >= recording.duration:
            raise NotKnown(
                Problem(
                    code="bad_input", message=f"start: recording {number} is only {recording.duration:.3f} seconds long.",
                    hint="Choose a start before its end.",
                )
            )  # fmt: skip
        if end is not None and end > recording.duration + 0.01:
            self.warnings.append(f"The recording ends at {recording.duration:.3f} seconds, so that is where the answer ends.")
        return recording, start, min(end if end is not None else recording.duration, recording.duration)

    def near(self, words: str) -> list[Candidate]:
        """Recordings whose name, folder or tags hold some of the words."""
        found = self.store.words(words[:200], fields=("name", "folder", "tags"), limit=5)
        paths = {hit.recording_id: self.store.recording(hit.recording_id).path for hit in found if hit.recording_id is not None}
        return [Candidate(recording_id=number, untrusted_path=self.place(path)) for number, path in paths.items()]

    def roots(self) -> list[str]:
        if self._roots is None:
            import os

            rows = self.store.connection.execute("SELECT path FROM roots").fetchall()
            self._roots = [os.fsdecode(row[0]) for row in rows]
        return self._roots

    def place(self, path: str) -> str:
        """How a recording is called in an answer."""
        return clean(path, 4 * NAME) if self.full_paths else named(path, self.roots())


class _Remembering:
    """A model whose text vectors are computed once."""

    def __init__(self, model: Any, known: dict[tuple[str, str], Any]) -> None:
        self._model, self._known = model, known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def embed_text(self, texts: Sequence[str]) -> Any:
        pipeline = self._model.pipeline_id
        missing = [text for text in dict.fromkeys(texts) if (pipeline, text) not in self._known]
        fresh = dict(zip(missing, self._model.embed_text(missing), strict=True)) if missing else {}
        rows: list[Any] = [fresh[text] if text in fresh else self._known.get((pipeline, text)) for text in texts]
        if any(row is None for row in rows):  # another thread cleared what was known
            return self._model.embed_text(list(texts))
        if len(self._known) > _KEPT_TEXTS:
            self._known.clear()
        self._known.update({(pipeline, text): vector for text, vector in fresh.items()})
        return np.stack(rows) if rows else self._model.embed_text([])
