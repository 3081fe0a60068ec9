"""How well search finds what people describe: the search benchmark, every query a question.

:mod:`auricle.evaluation.search_benchmark` asks and judges. The library is kept in the cache folder, so that a run that was killed goes on
where it was. The control ``other`` deals the stored vectors out to the wrong windows.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auricle.errors import DataError
from auricle.evaluation import search_benchmark
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.corpus import Half
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.base import Answers, Measured, need, settings
from auricle.evaluation.outcomes import Outcome
from auricle.evaluation.score import digest
from auricle.evaluation.suite import MEASURES, SEARCHED, search
from auricle.models.capabilities import EmbedsAudio, EmbedsText

HEADLINE = "ndcg@10"
CONTROL: dict[str, str] = {"other": "shuffled"}


class Searching:
    name = "searching"
    controls: tuple[Control, ...] = ("other",)

    def check(self, model: Any) -> None:
        need(model, EmbedsAudio, EmbedsText, why="search")

    def lint(self, task: Task) -> list[Finding]:
        settings(task, {})
        if task.corpus is None:
            raise DataError(
                "Invalid", f"{task.benchmark.name}: search is measured on the search benchmark.", hint="Its set is search_benchmark."
            )
        lost = search_benchmark.Bench(task.corpus, _half(task)).unanswerable()
        return (
            [Finding("error", "no answer", f"{len(lost)} queries have no recording that answers them ({lost[0].text!r})")] if lost else []
        )

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        corpus = task.corpus
        assert corpus is not None
        half = _half(task)
        bench = search_benchmark.Bench(corpus, half)
        files = sorted(str(recording.path) for recording in bench.recordings)
        sounds = {name: _bytes_of(corpus.folder / name) for name in files}
        hearing.sounds.update(sounds)
        variants = (*SEARCHED, "shuffled")
        asked = ["search", search_benchmark.PROTOCOL, half, corpus.truth_hash, list(variants)]

        def run() -> dict[str, Any]:
            with _library(hearing, f"{task.benchmark.name}-{digest([model.pipeline_id, str(corpus.folder)])}") as folder:
                return search_benchmark.run(corpus.folder, model, half, variants=variants, library=folder)

        report = hearing.all(digest(sounds), asked, run, len(bench.queries))
        return Answers(_outcomes(report, hearing.condition), {"report": report, "condition": hearing.condition})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        assert task.corpus is not None
        report, condition = answers.kept["report"], answers.kept["condition"]
        variants = SEARCHED if condition is None else (CONTROL[condition],)
        scores = tuple(search(task.corpus.folder, model, _half(task), document=report, variants=variants, names=_named(condition)))
        kinds = report["variants"][variants[0]]["kinds"]
        rows = [{"class": kind, **found[HEADLINE]} for kind, found in kinds.items() if HEADLINE in found]
        return Measured(scores, {"per_class": rows} if condition is None else {})


def _named(condition: Control | None) -> dict[str, str]:
    """A control is scored as what it stands beside."""
    return {} if condition is None else {CONTROL[condition]: SEARCHED[0]}


def _outcomes(report: dict[str, Any], condition: Control | None) -> tuple[Outcome, ...]:
    """By sound; what it adds is the headline's measure."""
    variant = SEARCHED[0] if condition is None else CONTROL[condition]
    seconds = 3600 * float(report["protocol"]["hours"])
    found = []
    for query in report["variants"][variant]["queries"]:
        measures = {name: query[name] for name in MEASURES}
        value = float(query[HEADLINE] or 0.0)
        found.append(Outcome(query["text"], f"{query['relevant']} recordings", measures, "ok", value))
    first = found[0]
    # Every query is asked of the same sound, which stands once.
    whole = Outcome(first.id, first.truth, first.answer, first.status, first.value, seconds, seconds)
    return (whole, *found[1:])


def _half(task: Task) -> Half:
    half: Half = "test" if task.benchmark.split == ("test",) else "dev"
    return half


def _bytes_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _library(hearing: Hearing, name: str) -> Iterator[Path]:
    """Kept beside the cache, one run at a time; a temporary folder where nothing is kept."""
    folder = hearing.cache.folder
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="auricle-search-") as scratch:
            yield Path(scratch) / "library"
        return
    from filelock import FileLock

    with FileLock(folder / f"{name}.lock"):
        yield folder / name
