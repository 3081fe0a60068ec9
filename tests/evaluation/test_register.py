"""Published figures beside what was measured: compared where they are of the same thing, and refused in a plain line where they are not."""

from __future__ import annotations

import json

import pytest

from auricle import landscape
from auricle.evaluation import documents
from auricle.evaluation.register import reproduce
from auricle.models import hub
from auricle.models.bundle import Bundle

CLAP = "hf:laion/clap-htsat-unfused"


def score(value, metric="accuracy", *, n=2000, data="esc50, all: 2000 clips of 2000 sources", name="", hash="0" * 12, **details):
    how = {"task": "t", "version": 1, "data": data, "data_hash": "d", "metric": metric, "details": details}
    return {
        "metric": name or f"esc50 {metric}", "value": value, "low": round(value - 0.01, 4), "high": round(value + 0.01, 4), "n": n,
        "sources": n, "baselines": {}, "notes": [], "model": "m", "pipeline_id": "p", "protocol": how, "protocol_hash": hash,
    }  # fmt: skip


def run(*scores, model=CLAP, benchmark="esc50", kind="zero_shot", pipeline="p", n=2000):
    first = scores[0]
    return {
        "benchmark": benchmark, "title": benchmark, "kind": kind, "model": model, "pipeline_id": pipeline, "protocol": first["protocol"],
        "protocol_hash": first["protocol_hash"], "synthetic": False, "scores": list(scores), "columns": {"n": n, "ok": n},
    }  # fmt: skip


def rows(*runs):
    found = list(reproduce(documents.document(runs=list(runs))))
    for row in found:
        json.dumps(row.document(), allow_nan=False)
    return found


def test_claimed_measured_gap_and_inside():
    found = rows(run(score(0.913)))
    by_source = {row.claim.source: row for row in found}
    paper = by_source["arXiv 2211.06687, as read for our survey"]
    assert (paper.claim.value, paper.claim.by, paper.claim.year, paper.claim.protocol) == (0.91, "authors", 2022, "zero-shot")
    assert paper.gap == pytest.approx(0.003)
    assert paper.inside is True
    user = by_source["LAION-AI/CLAP#133"]
    assert (user.claim.value, user.claim.by) == (0.602, "user")
    assert user.gap == pytest.approx(0.311)
    assert user.inside is False
    assert user.document()["protocol_known"] == "in words: zero-shot, a user with the released weights"


def test_every_figure_of_the_model_and_set_is_in():
    field = landscape.load()
    known = [f for f in field.figures if (f.model, f.benchmark) == ("laion-clap", "esc50")]
    assert len(known) >= 5
    assert len(rows(run(score(0.9)))) == len(known)


def test_other_part_of_the_set_and_other_checkpoint_are_refused():
    found = {row.claim.value: row for row in rows(run(score(0.9)))}
    assert "another part of the set (zero-shot on the first fold" in found[0.9275].refused
    assert found[0.9275].gap is None
    assert found[0.9275].inside is None
    assert "first fold" in found[0.905].refused or "another checkpoint" in found[0.905].refused
    assert not found[0.9155].refused  # unfused, as the name says
    fused = {row.claim.value: row for row in rows(run(score(0.9), model="hf:laion/clap-htsat-fused"))}
    assert "another checkpoint (unfused, hub weights)" in fused[0.9155].refused


def test_unlike_metrics_are_refused():
    (row, *_) = rows(run(score(0.8, "balanced accuracy")))
    assert row.refused == "the claim is of accuracy, measured is balanced accuracy"
    assert all(r.refused for r in rows(run(score(0.8, "balanced accuracy"))))


def test_another_kind_of_task_is_refused():
    refused = {row.refused for row in rows(run(score(0.97), benchmark="esc50-probe", kind="few_shot"))}
    assert "the claim is zero-shot, measured is few-shot" in refused


def test_a_part_of_the_items_is_refused():
    refused = {row.refused for row in rows(run(score(0.97, n=40), n=40))}
    assert "measured were 40 of the 2000 items that the set has" in refused
    assert "" not in refused


def test_retrieval_is_compared_by_its_direction():
    data = "clotho, test: 1045 clips of 1045 sources"
    both = [score(value, "R@1", n=1045, data=data, name=f"clotho {way} R@1", way=way) for value, way in
            ((0.165, "text to audio"), (0.24, "audio to text"))]  # fmt: skip
    found = [row for row in rows(run(*both, benchmark="clotho", kind="retrieval", n=1045)) if not row.refused]
    assert {(row.claim.split, row.measured) for row in found} == {("text to audio", 0.165), ("audio to text", 0.24)}
    none = rows(run(score(0.2, "R@1", n=1045, data=data), benchmark="clotho", kind="retrieval", n=1045))
    assert all("direction" in row.refused for row in none)


@pytest.fixture(scope="module")
def towers():
    return Bundle.open(hub.resolve("tiny-towers@2"))


def of_card(towers, metric):
    return next(result for result in towers.card.results if result.metric == metric)


def test_our_own_card_is_a_claim(towers):
    esc = of_card(towers, "ESC-10 zero-shot accuracy of stored vectors")
    mine = score(esc.value, n=400, data="esc10, all: 400 clips of 304 sources", name="esc10 accuracy")
    (row,) = rows(run(mine, model="tiny-towers@2", benchmark="esc10", pipeline=towers.pipeline_id, n=400))
    assert (row.claim.by, row.claim.value, row.gap, row.inside) == ("card", esc.value, 0.0, True)
    assert (row.claim.low, row.claim.high, row.claim.n) == (esc.low, esc.high, 400)
    other = rows(run(mine, model="tiny-towers@2", benchmark="esc10", pipeline="tiny-towers@2:changed", n=400))
    assert "the card is of other weights" in other[0].refused


def test_a_protocol_that_is_the_same_by_its_hash_is_told(towers):
    result = of_card(towers, "search ndcg@10, fused")
    data, _, hash = result.protocol.partition("; 144 sources; protocol ")
    same = score(result.value, "ndcg@10", n=168, data=data, name="search ndcg@10, fused", hash=hash)
    how = {"model": "tiny-towers@2", "benchmark": "search", "kind": "searching", "pipeline": towers.pipeline_id, "n": 168}
    (row,) = rows(run(same, **how))
    assert row.known == "the same, by its hash"
    assert row.gap == 0.0
    (row,) = rows(run({**same, "protocol_hash": "f" * 12}, **how))
    assert row.known.startswith("in words: search benchmark, test half")
    assert not row.refused


def test_the_other_half_is_refused(towers):
    data = "search benchmark, dev half, 1516 recordings, 168 queries, truth 0123456789abcdef"
    mine = score(0.6, "ndcg@10", n=168, data=data, name="search ndcg@10, fused")
    how = {"model": "tiny-towers@2", "benchmark": "search-dev", "kind": "searching", "pipeline": towers.pipeline_id, "n": 168}
    (row,) = rows(run(mine, **how))
    assert row.refused == "the claim is of the half test, measured is dev"


def test_nothing_is_known_of_what_nobody_published():
    assert rows(run(score(0.5), model="some/unheard-of-model")) == []
    assert rows(run(score(0.5), model="tiny-towers@2", benchmark="of-nobody")) == []
