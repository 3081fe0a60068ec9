"""What scores can claim: known cases of the real records, and the rules on small made fields."""

from __future__ import annotations

import pytest

from auricle.errors import UsageError
from auricle.landscape.contamination import CLAIMS, contamination
from auricle.landscape.schema import Edge, Fact, Landscape, Record


def case(model, benchmark):
    report = contamination(model, benchmark)
    return report.verdict, {finding.words: finding for finding in report.findings}, report


def test_counts_between_esc50_and_what_claps_learn_from():
    verdict, findings, report = case("laion-clap", "esc50")
    assert verdict == "partly"
    finding = findings["399 of 2,000 items of ESC-50 are in the train part of FSD50K, by Freesound id"]
    assert (finding.count, finding.out_of, finding.mark) == (399, 2000, "checked")
    assert [edge.type for edge in finding.edges] == ["trained-on", "overlaps-with"]
    assert any(f.level == "removed" and "LAION-Audio-630K" in f.words for f in report.findings)
    assert not any("test part of FSD50K" in words for words in findings)  # only the part that was trained on counts
    assert {figure.value for figure in report.figures} >= {91.0, 60.2}


def test_a_share_of_a_whole_set_says_nothing_of_its_test():
    verdict, findings, _ = case("glap", "audiocaps")
    assert verdict == "possible"
    words = "17.6% of AudioCaps v1, its training part included, are in WavCaps, by YouTube id; how much of its test is not said"
    assert findings[words].mark == "checked"


def test_a_set_inside_another():
    verdict, findings, _ = case("laion-clap", "audiocaps")
    assert verdict == "seen"
    assert findings["AudioCaps v1 was made of AudioSet: all of its sounds lie in what the model heard"].count == 4875
    assert any(f.level == "same-set" for f in findings.values())
    assert not any("balanced train" in words for words in findings)


def test_an_ear_that_heard_the_test():
    verdict, findings, _ = case("enclap", "audiocaps")
    assert verdict == "seen"
    inherited = [f for f in findings.values() if len(f.edges) > 2 and f.level == "seen"]
    assert inherited
    assert inherited[0].edges[0].type == "builds-on"


def test_evaluation_sets_that_were_trained_on():
    verdict, findings, report = case("midashenglm", "muchomusic")
    assert verdict == "partly"
    assert any("Song Describer" in words for words in findings)
    assert report.unpublished == ["qwen25-omni"]
    assert 71.35 in [figure.value for figure in report.figures]


def test_parts_of_a_test_that_lie_in_several_parts():
    report = contamination("audiogen", "musiccaps")
    counted = [f for f in report.findings if f.count]
    assert [(f.level, f.count, f.out_of) for f in counted] == [("partly", 2663, 5521)]  # of the training part; 2,858 are of the other


def test_a_set_that_has_a_test_alone():
    verdict, findings, _ = case("midashenglm", "songdescriber")
    assert verdict == "partly"
    own = findings["Song Describer Dataset itself is among the training data (which part is not said; it was made for testing alone)"]
    assert (own.level, own.mark) == ("partly", "checked")
    assert not any(f.level == "seen" for f in findings.values())  # which part of MTG-Jamendo it learnt from is not said


def test_training_part_of_the_same_set_is_no_leak_and_no_zero_shot():
    verdict, _, report = case("conette", "clotho")
    assert verdict in ("same-set", "partly")
    _, findings, _ = case("slam-aac", "clotho")
    assert any(f.level == "same-set" for f in findings.values())
    assert "zero-shot" in CLAIMS["same-set"][1]
    assert report.cannot


def test_unpublished_data_claim_nothing():
    verdict, findings, report = case("musicgen", "musiccaps")
    assert (verdict, findings) == ("unknown", {})
    assert report.unpublished == ["musicgen"]
    assert "not published" in report.cannot


def test_what_may_be_asked():
    with pytest.raises(UsageError, match="FSD50K is a set, and a model is meant"):
        contamination("fsd50k", "esc50")
    with pytest.raises(UsageError, match="Moshi is a model, and a benchmark or set is meant"):
        contamination("laion-clap", "moshi")


def field(*edges, **facts):
    """A field of models m, n, sets a, b, c and a benchmark t with these relations."""
    cited = {"source": "s", "mark": "checked", "date": "2026-01-01"}
    kinds = {"m": "model", "n": "model", "e": "encoder", "a": "set", "b": "set", "c": "set", "t": "benchmark"}
    said = {id: [Fact("pools" if isinstance(value, list) else "open-data", value, **cited)] for id, value in facts.items()}
    records = {id: Record(id, kind, id.upper(), facts=said.get(id, [])) for id, kind in kinds.items()}
    return Landscape(records, tuple(Edge(type, start, end, **cited, **more) for type, start, end, more in edges), ())


TRAINED = ("trained-on", "m", "a", {})


@pytest.mark.parametrize(
    ("edges", "verdict"),
    [
        ([], "unknown"),
        ([TRAINED], "none known"),
        ([("trained-on", "m", "t", {})], "seen"),
        ([TRAINED, ("derived-from", "t", "a", {})], "partly"),
        ([TRAINED, ("derived-from", "t", "a", {"share": 1.0})], "seen"),
        ([("trained-on", "m", "a", {"part": "train"}), ("derived-from", "t", "a", {"share": 1.0, "object_part": "test"})], "same-set"),
        ([("trained-on", "m", "a", {"part": "all"}), ("derived-from", "t", "a", {"share": 1.0, "object_part": "test"})], "seen"),
        ([TRAINED, ("derived-from", "t", "a", {"share": 1.0, "object_part": "test"})], "possible"),
        ([("trained-on", "m", "a", {"part": "train"}), ("derived-from", "t", "a", {"share": 1.0, "object_part": "all"})], "partly"),
        ([TRAINED, ("derived-from", "t", "b", {"share": 1.0}), ("derived-from", "b", "a", {"share": 1.0})], "seen"),
        ([TRAINED, ("derived-from", "a", "t", {"object_part": "train"})], "same-set"),
        ([TRAINED, ("derived-from", "a", "t", {"object_part": "all"})], "partly"),
        ([TRAINED, ("derived-from", "a", "c", {}), ("derived-from", "t", "c", {})], "possible"),
        ([TRAINED, ("overlaps-with", "t", "a", {"count": 3, "out_of": 9})], "partly"),
        ([TRAINED, ("overlaps-with", "t", "a", {"count": 9, "out_of": 9})], "seen"),
        ([TRAINED, ("overlaps-with", "t", "a", {"count": 0, "out_of": 9})], "none known"),
        ([TRAINED, ("overlaps-with", "t", "a", {"count": 3, "object_part": "test"})], "none known"),
        ([TRAINED, ("overlaps-with", "t", "a", {"count": 3, "part": "train"})], "none known"),
        ([TRAINED, ("overlaps-with", "a", "t", {"object_part": "test"})], "partly"),
        ([TRAINED, ("overlaps-with", "t", "a", {"share": 0.2})], "partly"),
        ([("trained-on", "m", "a", {"without": ["t"]}), ("overlaps-with", "t", "a", {"count": 3})], "none known"),
        ([("builds-on", "m", "n", {}), ("trained-on", "n", "t", {}), TRAINED], "seen"),
        ([("builds-on", "m", "e", {}), ("trained-on", "e", "t", {}), TRAINED], "seen"),
        ([("builds-on", "m", "n", {"part": "design"}), ("trained-on", "n", "t", {}), TRAINED], "none known"),
        ([("builds-on", "m", "n", {}), TRAINED], "unknown"),
        ([("builds-on", "m", "n", {}), ("builds-on", "n", "m", {}), ("trained-on", "n", "b", {}), TRAINED], "none known"),
    ],
)  # fmt: skip
def test_the_rules(edges, verdict):
    report = contamination("m", "t", field=field(*edges))
    assert report.verdict == verdict, [finding.words for finding in report.findings]
    assert (report.can, report.cannot) == CLAIMS[report.verdict]


def test_one_site_is_a_hint_and_closed_data_a_bar():
    assert contamination("m", "t", field=field(TRAINED, a=["freesound"], t=["freesound", "youtube"])).verdict == "pool"
    assert contamination("m", "t", field=field(TRAINED, a=["freesound"], t=["jamendo"])).verdict == "none known"
    assert contamination("m", "t", field=field(TRAINED, m="no")).verdict == "unknown"


def test_a_chain_holds_as_well_as_its_weakest_link():
    made = field(TRAINED, ("derived-from", "t", "a", {"share": 1.0}))
    weak = Landscape(made.records, (made.edges[0], Edge("derived-from", "t", "a", "s", "unverified", "2026-01-01", share=1.0)), ())
    (finding,) = contamination("m", "t", unverified=True, field=weak).findings
    assert finding.mark == "unverified"


READ = {"source": "s", "mark": "checked", "date": "2026-01-01"}
HEARD = {"source": "hearsay", "mark": "unverified", "date": "2026-01-01"}
TAUGHT = Edge("trained-on", "m", "a", **READ)


@pytest.mark.parametrize(
    ("unread", "more", "verdict", "otherwise"),
    [
        (Edge("derived-from", "t", "a", share=1.0, **HEARD), [TAUGHT], "unknown", "seen"),
        (Edge("overlaps-with", "t", "a", count=3, out_of=9, **HEARD), [TAUGHT], "unknown", "partly"),
        (Edge("trained-on", "m", "t", **HEARD), [TAUGHT], "unknown", "seen"),
        (Edge("builds-on", "m", "e", **HEARD), [TAUGHT, Edge("trained-on", "e", "t", **READ)], "unknown", "seen"),
        (Edge("trained-on", "m", "b", **HEARD), [Edge("trained-on", "m", "t", **READ)], "seen", "seen"),
        (Edge("trained-on", "m", "a", **HEARD), [], "unknown", "none known"),
    ],
)  # fmt: skip
def test_what_nobody_read_is_left_out_and_told(unread, more, verdict, otherwise):
    made = Landscape(field().records, (*more, unread), ())
    report = contamination("m", "t", field=made)
    assert (report.verdict, report.otherwise, report.left_out) == (verdict, otherwise, [unread])
    assert all(edge is not unread for finding in report.findings for edge in finding.edges)
    whole = contamination("m", "t", unverified=True, field=made)
    assert (whole.verdict, whole.otherwise, whole.left_out) == (otherwise, otherwise, [])


def test_what_nobody_read_elsewhere_does_not_matter():
    others = [
        Edge("trained-on", "n", "t", **HEARD),
        Edge("builds-on", "m", "n", part="design", **HEARD),
        Edge("derived-from", "c", "b", **HEARD),
    ]
    report = contamination("m", "t", field=Landscape(field().records, (TAUGHT, *others), ()))
    assert (report.verdict, report.left_out) == ("none known", [])
