"""What others published beside what was measured here: claimed, by whom, how, measured, gap; a plain line where they cannot be compared.

    for row in reproduce(documents.read("results.json")):
        row.document()

Figures are those of the landscape (:mod:`auricle.landscape`) and of the cards of models on this machine. A figure is compared where it is
of the same model, set, metric, part of the set and kind of protocol, as far as it says these; whatever it does not say stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from auricle.data.importers import SPLITS
from auricle.errors import AuricleError

BY = {"authors": "its authors", "third-party": "others", "user": "a user", "card": "its card"}
# One metric goes by several names; what stands here is written by us, by the landscape's figures, or both.
_NAMES = {
    "mean average precision": "mAP", "CIDEr-D": "CIDEr", "BLEU-4": "BLEU", "word error rate": "WER", "recall@1": "R@1", "acc": "accuracy",
}  # fmt: skip
_PERCENT = frozenset({"accuracy", "R@1", "R@5", "R@10", "mAP", "WER", "CER", "CIDEr", "SPIDEr", "BLEU", "METEOR", "ROUGE-L", "ROC-AUC"})
_WAYS = ("text to audio", "audio to text")
# Words of a claim's protocol → the kinds of task that can stand for it.
_KINDS = {
    "zero-shot": ("zero_shot", "multilabel", "retrieval", "detecting", "searching"), "generative": ("captioning", "answering"),
    "probe": ("few_shot",), "few-shot": ("few_shot",), "fine-tuned": (),
}  # fmt: skip
# Rows of our cards that were measured before there were benchmarks, by another name: row → (benchmark, metric).
_OF_CARDS = {
    "ESC-10 zero-shot accuracy of stored vectors": ("esc10", "accuracy"),
    "spoken digits, linear probe accuracy": ("fsdd", "accuracy"),
    "spoken digits of a new speaker, linear probe accuracy": ("fsdd-speakers", "accuracy"),
}
_PROTOCOL = re.compile(r";? ?protocol ([0-9a-f]{12})\b")
_HALF = re.compile(r"\b(dev|test) half\b")
_TRUTH = re.compile(r"\btruth ([0-9a-f]{16})\b")


@dataclass(frozen=True, slots=True)
class Claim:
    """A published figure on our scale: shares are 0…1. ``protocol``: in the claim's words; ``hash``: of ours, where a card says it."""

    metric: str
    value: float
    by: str
    source: str
    mark: str = "checked"
    protocol: str = ""
    hash: str = ""
    split: str = ""
    version: str = ""
    variant: str = ""
    year: int = 0
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """``refused``: why the two are not compared; then there is no gap. ``known``: what is known of the claim's protocol."""

    model: str
    benchmark: str
    metric: str
    claim: Claim
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    known: str = ""
    refused: str = ""

    @property
    def gap(self) -> float | None:
        """Measured − claimed."""
        return None if self.measured is None or self.refused else self.measured - self.claim.value

    @property
    def inside(self) -> bool | None:
        """Whether what was claimed lies in the interval that was measured."""
        if self.refused or self.low is None or self.high is None:
            return None
        return self.low <= self.claim.value + 5e-5 and self.claim.value - 5e-5 <= self.high

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        c = self.claim
        return {
            "model": self.model, "benchmark": self.benchmark, "metric": self.metric, "claimed": round(c.value, 6), "by": c.by,
            "source": c.source, "mark": c.mark, "year": c.year or None, "claimed_low": c.low, "claimed_high": c.high, "claimed_n": c.n,
            "variant": c.variant, "split": c.split, "version": c.version, "protocol": c.protocol, "protocol_known": self.known,
            "measured": self.measured, "low": self.low, "high": self.high, "n": self.n,
            "gap": None if self.gap is None else round(self.gap, 4), "inside": self.inside, "refused": self.refused or None,
        }  # fmt: skip


def reproduce(document: Mapping[str, Any]) -> Iterator[Row]:
    """A row a figure that is known of a model and set of the results document, in its order; what can be compared first."""
    for run in document["runs"]:
        rows = [*_published(run), *_of_card(run)]
        yield from sorted(rows, key=lambda row: bool(row.refused))


def _published(run: Mapping[str, Any]) -> Iterator[Row]:
    from auricle import landscape
    from auricle.landscape import asked

    field = landscape.load()
    record = asked.find_model(field, run["model"].removeprefix("mteb:"))
    names = _sets(run)
    if record is None:
        return
    figures = [f for f in field.figures if f.model == record.id and _plain(f.benchmark) in names]
    variants = {word for figure in figures for word in _words(figure.variant)}
    for figure in figures:
        scaled = figure.value / 100 if figure.metric in _PERCENT and abs(figure.value) > 1 else figure.value
        protocol = ", ".join(filter(None, [figure.protocol, figure.note]))
        claim = Claim(
            figure.metric, scaled, figure.by, figure.source, figure.mark, protocol, "", figure.split, figure.version, figure.variant,
            figure.year,
        )  # fmt: skip
        yield _beside(run, claim, variants, figure.protocol)


def _beside(run: Mapping[str, Any], claim: Claim, variants: set[str], protocol: str) -> Row:
    """The claim and the score of the run that stands for it."""
    same = [score for score in run["scores"] if _metric(score["protocol"]["metric"]) == _metric(claim.metric)]
    score = next((s for s in same if claim.split not in _WAYS or s["protocol"]["details"].get("way") == claim.split), None)
    refused = _refusal(run, claim, same, score, variants, protocol)
    known = f"in words: {claim.protocol}" if claim.protocol else "not told"
    return _row(run, claim, score, known, refused)


def _refusal(
    run: Mapping[str, Any], claim: Claim, same: Sequence[Mapping[str, Any]], score: Mapping[str, Any] | None, variants: set[str],
    protocol: str,
) -> str:  # fmt: skip
    if not same:
        measured = ", ".join(dict.fromkeys(s["protocol"]["metric"] for s in run["scores"]))
        return f"the claim is of {claim.metric}, measured is {measured}"
    ways = {s["protocol"]["details"].get("way") for s in same} - {None}
    if score is None or (claim.split in _WAYS) != bool(ways):
        asked = claim.split if claim.split in _WAYS else "it does not say"
        return f"the claim is of the direction {asked}, measured is {' and '.join(sorted(ways)) or 'none'}"
    wrong = _other_split(run, claim) or _other_kind(run, protocol) or _other_model(run, claim, variants)
    if wrong:
        return wrong
    whole = _whole(run)
    if whole and run["columns"]["n"] < whole:
        return f"measured were {run['columns']['n']} of the {whole} items that the set has"
    return "" if score["value"] is not None else "nothing was measured"


def _other_split(run: Mapping[str, Any], claim: Claim) -> str:
    if claim.version and claim.version not in run["protocol"]["data"]:
        return f"the claim is of version {claim.version}; which one was measured is not told"
    if "fold" in claim.protocol and "fold" not in run["protocol"]["data"]:
        return f"the claim is of another part of the set ({claim.protocol}), measured is {run['protocol']['data']}"
    if claim.split and claim.split not in _WAYS:
        part = claim.split.partition(",")[0]
        mine = _split(run)
        if SPLITS.get(part, part) not in mine and claim.split not in run["protocol"]["data"]:
            return f"the claim is of the part {claim.split}, measured is {' and '.join(sorted(mine)) or 'not told'}"
    return ""


def _other_kind(run: Mapping[str, Any], protocol: str) -> str:
    for words, kinds in _KINDS.items():
        if words in protocol and run["kind"] not in kinds:
            return f"the claim is {protocol}, measured is {run['kind'].replace('_', '-')}"
    return ""


def _other_model(run: Mapping[str, Any], claim: Claim, variants: set[str]) -> str:
    """Where a model's name tells which of several checkpoints it is, a claim of another one is not of it."""
    mine = _words(run["model"]) & variants
    if claim.variant and mine and not mine & _words(claim.variant):
        return f"the claim is of another checkpoint ({claim.variant})"
    return ""


def _of_card(run: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of the model's own card that are of this benchmark: by their name, or by the name that older rows had."""
    results, weights = _card(run["model"])
    for result in results:
        found = _PROTOCOL.search(result.protocol)
        benchmark, metric = _OF_CARDS.get(result.metric, ("", ""))
        by_name = [s for s in run["scores"] if s["metric"] == result.metric]
        by_old = [s for s in run["scores"] if run["benchmark"] == benchmark and s["protocol"]["metric"] == metric]
        score = next(iter([*by_name, *by_old]), None)
        if score is None:
            continue
        words = _PROTOCOL.sub("", result.protocol)
        claim = Claim(
            metric or result.metric, result.value, "card", f"card of {run['model']}, {result.metric}", "checked", words,
            hash=found[1] if found else "", low=result.low, high=result.high, n=result.n,
        )  # fmt: skip
        same = bool(claim.hash) and claim.hash == score["protocol_hash"]
        known = "the same, by its hash" if same else f"in words: {words.partition(';')[0]}"
        others = "" if run["pipeline_id"] == weights else f"the card is of other weights ({weights})"
        yield _row(run, claim, score, known, others or ("" if same else _other_data(claim, score)))


def _other_data(claim: Claim, score: Mapping[str, Any]) -> str:
    data = score["protocol"]["data"]
    for pattern, what in ((_HALF, "half"), (_TRUTH, "truth")):
        mine, theirs = pattern.search(data), pattern.search(claim.protocol)
        if mine and theirs and mine[1] != theirs[1]:
            return f"the claim is of the {what} {theirs[1]}, measured is {mine[1]}"
    if claim.n is not None and score["n"] != claim.n:
        return f"the claim is of n = {claim.n}, measured is n = {score['n']}"
    return ""


def _row(run: Mapping[str, Any], claim: Claim, score: Mapping[str, Any] | None, known: str, refused: str) -> Row:
    s = score or {}
    return Row(
        run["model"], run["benchmark"], claim.metric, claim, s.get("value"), s.get("low"), s.get("high"), s.get("n"), known, refused
    )  # fmt: skip


@lru_cache(maxsize=64)
def _card(name: str) -> tuple[tuple[Any, ...], str]:
    """Results of its card, and the pipeline that they are of; nothing for a model that is not on this machine."""
    from auricle.models import hub
    from auricle.models.bundle import Bundle

    try:
        bundle = Bundle.open(hub.resolve(name))
        return bundle.card.results, bundle.pipeline_id
    except (AuricleError, OSError):
        return (), ""


def _sets(run: Mapping[str, Any]) -> set[str]:
    """Plain names of the set that a run measured on: the benchmark's, and its set's."""
    found = _benchmark(run)
    names = [run["benchmark"], *([found.set] if found is not None else [])]
    return {_plain(name) for name in names}


def _split(run: Mapping[str, Any]) -> set[str]:
    found = _benchmark(run)
    return {SPLITS.get(part, part) for part in found.split} if found is not None else set()


def _whole(run: Mapping[str, Any]) -> int | None:
    found = _benchmark(run)
    return None if found is None else found.n


def _benchmark(run: Mapping[str, Any]) -> Any:
    """None for one that does not ship."""
    from auricle.evaluation.benchmark import benchmarks

    return benchmarks().get(run["benchmark"])


def _metric(name: str) -> str:
    return _NAMES.get(name, name)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
