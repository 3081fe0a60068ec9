"""What is heard, in a sentence: as near to what people wrote as words can tell.

A model generates the caption. One that only compares sound and text takes the nearest caption of the splits that the benchmark names
(``among``), where it names some. No words, a refusal or a caption that was cut off before its first word score nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.data.texts import normal
from auricle.errors import DataError, ModelError
from auricle.evaluation import linter, wording
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.asking import HEARING, chosen_prompt, controls_of, said, towers
from auricle.evaluation.kinds.base import Answers, Measured, attempt, heard_vectors, outcome_of, settings
from auricle.evaluation.kinds.retrieval import texts_vectors
from auricle.evaluation.outcomes import Outcome, Status
from auricle.evaluation.parsing import read_text
from auricle.evaluation.probing import DECIMALS
from auricle.evaluation.score import measured
from auricle.models.capabilities import GeneratesText

METRICS = ("CIDEr-D", "ROUGE-L", "BLEU-4")
KNOWN: dict[str, Any] = {"among": [], "max_tokens": 96, "also": ["ROUGE-L"]}


class Captioning:
    name = "captioning"
    controls: tuple[Control, ...] = HEARING  # and without sound, for a model that can be asked so: see check

    def check(self, model: Any) -> None:
        if not isinstance(model, GeneratesText) and not towers(model):
            message = f"{model.name} generates no text and compares none with sound: it cannot be measured on captions."
            raise ModelError("Capability", message, hint="Leave it out, or choose another.")
        self.controls = controls_of(model) if isinstance(model, GeneratesText) else HEARING

    def lint(self, task: Task) -> list[Finding]:
        own = settings(task, KNOWN)
        for metric in (task.benchmark.metric, *own["also"]):
            if metric not in METRICS and not (metric == "WER" and metric in own["also"]):
                message = f"{task.benchmark.name}: captioning has no metric {metric!r}."
                raise DataError("Invalid", message, hint=f"It has {', '.join(METRICS)}, and WER beside them.")
            wording.signature(metric)  # its package is there
        silent = [item.id for item in task.items if not any(wording.tokens(text) for text in item.captions)]
        found = [linter.error("captions", f"{len(silent)} of {len(task.items)} clips have no caption ({silent[0]} …)")] if silent else []
        if len(task.items) < 2 and "CIDEr-D" in (task.benchmark.metric, *own["also"]):
            found.append(linter.error("size", "CIDEr-D of one clip is 0 whatever is said: nothing is rare"))
        return found

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        if isinstance(model, GeneratesText):
            captions = [self._generated(task, hearing, item) for item in task.items]
        else:
            captions = self._chosen(model, task, hearing)
        texts = [text if failed is None else "" for failed, text in captions]
        metric = task.benchmark.metric
        each = wording.of(metric)(texts, [item.captions for item in task.items]).each
        outcomes: list[Outcome] = []
        for item, (failed, text), value in zip(task.items, captions, each, strict=True):
            outcomes.append(outcome_of(hearing, item, list(item.captions), failed, text, float(value)))
        return Answers(tuple(outcomes), {"texts": texts, "control": hearing.condition})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        own = settings(task, KNOWN)
        references = [list(item.captions) for item in task.items]
        ids = [item.id for item in task.items]
        sources = [task.source(item) for item in task.items]
        rendering = "generation" if isinstance(model, GeneratesText) else f"nearest caption of {' and '.join(own['among'])}"
        scores = []
        also = [] if answers.kept["control"] else own["also"]  # of a control the headline is all that is asked for
        for metric in dict.fromkeys((task.benchmark.metric, *also)):
            details = {
                "signature": wording.signature(metric), "rendering": rendering, "max_tokens": own["max_tokens"], "seed": 0,
                "prompt": "chosen by the item's id", "among": own["among"],
            }  # fmt: skip
            how = task.how(f"{task.benchmark.title}, captions", metric, references, details)
            sample = wording.of(metric)(answers.kept["texts"], references).sample(ids, sources)
            scores.append(measured(f"{task.benchmark.name} {metric}", sample, how, model))
        words = [len(wording.tokens(text)) for text in answers.kept["texts"]]
        return Measured(tuple(scores), {"rendering": rendering, "words": round(float(np.mean(words)), 2)})

    def _generated(self, task: Task, hearing: Hearing, item: Item) -> tuple[tuple[Status, str] | None, str]:
        prompt = chosen_prompt(task.benchmark.prompts, item)
        failed, found = attempt(hearing, item, partial(said, hearing, item, prompt, settings(task, KNOWN)["max_tokens"]))
        if found is None:
            return failed, ""
        reading = read_text(found[0], complete=found[1])
        return (None, reading.text) if reading.status == "ok" else ((reading.status, found[0][:200] or "it says nothing"), "")

    def _chosen(self, model: Any, task: Task, hearing: Hearing) -> list[tuple[tuple[Status, str] | None, str]]:
        """The nearest of the captions that may be chosen from; where several are equally near, none was chosen."""
        known = candidates(task)
        if not known:
            b = task.benchmark
            message = f"{model.name} generates no text, and {b.name} gives it no captions to choose from."
            raise ModelError("Capability", message, hint="Leave it out, or give the benchmark `among`, with the set's other splits.")
        heard = heard_vectors(hearing, task.items)
        scores = np.round(heard.vectors @ texts_vectors(model, hearing, known).T, DECIMALS)
        found: list[tuple[tuple[Status, str] | None, str]] = []
        for row, why in zip(scores, heard.failed, strict=True):
            best = np.flatnonzero(row == row.max())
            tie: tuple[Status, str] = ("unparsed", f"{len(best)} captions are equally near")
            found.append((why or (tie if len(best) > 1 else None), known[int(best[0])]))
        return found


def candidates(task: Task) -> Sequence[str]:
    """What may be chosen: captions of the splits named, each once, none of a clip that shares a source with one that is asked."""
    among = settings(task, KNOWN)["among"]
    sources = {task.source(item) for item in task.items}
    texts = {
        normal(text): text for item in task.others if item.split in among and task.source(item) not in sources for text in item.captions
    }  # fmt: skip
    return list(texts.values())
