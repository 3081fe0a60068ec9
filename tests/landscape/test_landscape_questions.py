"""Questions with answers that are known: from the sources themselves, not from the code."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest

from auricle import landscape
from auricle.errors import UsageError
from auricle.landscape.licences import use_of
from auricle.landscape.schema import Edge, Fact, Landscape, Record


def found(*args, **options):
    return [hit.record.id for hit in landscape.find(*args, **options)]


def test_names_as_people_write_them():
    field = landscape.load()
    for name in (
        "laion-clap",
        "LAION-CLAP 630k",
        "laion/clap-htsat-unfused",
        "hf:laion/clap-htsat-unfused",
        "clap-htsat-unfused",
        "LAION CLAP",
    ):
        assert landscape.one(field, name).id == "laion-clap"
    assert landscape.one(field, "clotho-aqa").id == "clothoaqa"
    assert landscape.one(field, "Moshi").id == "moshi"
    assert landscape.one(field, "describer").id == "songdescriber"  # the only one that holds the word


def test_unknown_and_ambiguous_names():
    field = landscape.load()
    with pytest.raises(UsageError, match=r"there is no record 'wavcasp'. Did you mean wavcaps"):
        landscape.one(field, "wavcasp")
    with pytest.raises(UsageError, match=r"there is no model 'esc5'."):
        landscape.one(field, "esc5", "model")
    with pytest.raises(UsageError, match=r"'flamingo' may be any of .*audio-flamingo-1.*Give the whole name."):
        landscape.one(field, "flamingo")
    with pytest.raises(UsageError, match=r"ESC-50 is a set, and a model is meant."):
        landscape.one(field, "esc50", "model")
    with pytest.raises(UsageError, match="Look with `auricle landscape find`"):
        landscape.one(field, "zzqx")


def test_find_by_words_and_filters():
    assert found("separate anything you describe")[0] == "audiosep"
    assert found("wavcaps")[0] == "wavcaps"
    assert {"moshi", "personaplex"} <= set(found("listens while it speaks", kind="model"))
    assert found(kind="benchmark", task="safety") == found("", kind="benchmark", task="safety")
    assert "jalmbench" in found(kind="benchmark", task="safety")
    assert set(found(kind="model", family="separation", limit=50)) == {
        r.id for r in landscape.load().of("model") if r.family == "separation"
    }
    newest = [hit.record.year for hit in landscape.find(kind="model", limit=30)]
    assert newest == sorted(newest, reverse=True)
    assert {hit.record.year for hit in landscape.find(kind="set", since=2024, until=2025, limit=99)} == {2024, 2025}
    free = found(kind="model", free=True, limit=200)
    assert {"moshi", "mimo-audio"} <= set(free)
    assert not {"musicgen", "audio-flamingo-3", "imagebind", "audioldm2"} & set(free)
    assert found("xyzzy qwxz") == []
    with pytest.raises(UsageError, match="there is no kind 'song'"):
        landscape.find("x", kind="song")


def test_meaning_ranks_what_words_leave_equal():
    asked = []

    def embed(texts):
        asked.append(list(texts))
        return np.array([[1.0, 0.0] if text.startswith("MusicGen") or i == 0 else [0.0, 1.0] for i, text in enumerate(texts)])

    assert found("qqqq", embed=embed) == ["musicgen"]
    assert len(asked[0]) == 1 + len(landscape.load().records)  # no word was met: all are looked at
    assert found("music", embed=embed)[0] != "moshi"
    assert len(asked[1]) < len(asked[0])


def test_show_holds_both_ways():
    shown = landscape.show("wavcaps")
    assert {edge.object for edge in shown.out} >= {"audioset-strong", "bbc-sound-effects"}
    assert {edge.subject for edge in shown.into if edge.type == "trained-on"} >= {"wavcaps-clap", "mga-clap", "midashenglm"}
    licences = {fact.value: fact.mark for fact in shown.record.said("licence-text")}
    assert licences["academic use only"] == "checked"
    assert licences["CC BY 4.0"] == "checked"  # what the hub says instead
    model = landscape.show("laion-clap")
    assert {figure.value for figure in model.figures if figure.benchmark == "esc50"} >= {60.2, 90.5, 91.0, 92.75}
    assert any(conflict.benchmark == "esc50" and conflict.spread > 30 for conflict in model.conflicts)


def test_trace_and_path():
    lineage = landscape.trace("r1-aqa")
    assert [(s.edge.type, s.edge.object) for s in lineage.up if s.depth == 1] == [("trained-on", "avqa"), ("builds-on", "qwen2-audio")]
    assert ("vggsound", 2) in {(s.edge.object, s.depth) for s in lineage.up}
    assert "muchomusic" in {s.edge.subject for s in landscape.trace("mtgjamendo").down}
    assert max(s.depth for s in landscape.trace("mtgjamendo", depth=1).down) == 1
    steps = landscape.path("wavcaps", "clotho-aqa")
    assert [(s.edge.subject, s.edge.object) for s in steps] == [("audiobench", "wavcaps"), ("audiobench", "clothoaqa")]
    assert landscape.path("clotho", "clotho") == []
    there = [s.edge for s in landscape.path("mellow", "audioset")]
    assert there == [s.edge for s in reversed(landscape.path("audioset", "mellow"))]


def test_compare():
    compared = landscape.compare(["laion-clap", "msclap-2023"])
    assert set(compared.shared["trained-on"]) == {"audiocaps", "clotho", "fsd50k"}
    assert "laion630k" in compared.own["trained-on"][0]
    left, right = compared.figures["esc50", "accuracy", ""]
    assert {figure.value for figure in right} == {93.9}
    assert len(left) > 3
    with pytest.raises(UsageError, match="two names at least"):
        landscape.compare(["laion-clap"])
    with pytest.raises(UsageError, match="named twice"):
        landscape.compare(["laion-clap", "LAION-CLAP"])


def test_timeline():
    years = landscape.timeline(kind="model", since=2022, until=2023)
    assert list(years) == [2022, 2023]
    assert "laion-clap" in [record.id for record in years[2022]]
    assert all(record.kind == "model" for records in years.values() for record in records)
    assert set(landscape.timeline(family="one-head")) == {2023, 2024, 2025, 2026}


def test_gaps():
    lacks = {gap.task.id: gap for gap in landscape.gaps()}
    assert {"data", "weights"} <= {*lacks["hallucination-resistance"].lacks, *lacks["hallucination-resistance"].not_known}
    captioning = next(gap for gap in landscape.gaps(all_tasks=True, unverified=True) if gap.task.id == "captioning-task")
    assert "free data" in captioning.lacks  # AudioCaps, Clotho, WavCaps: academic or non-commercial
    assert captioning.models
    assert not captioning.left_out
    everything = landscape.gaps(all_tasks=True)
    assert len(everything) == len(landscape.load().of("task"))
    assert [len(gap.lacks) for gap in everything] == sorted((len(gap.lacks) for gap in everything), reverse=True)


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("Apache-2.0", "free"), ("MIT", "free"), ("CC BY 4.0", "free"), ("CC BY-SA 4.0", "free"), ("CC0", "free"), ("ODbL", "free"),
        ("CC BY-NC 4.0", "non-commercial"), ("CC BY-NC-SA 3.0", "non-commercial"), ("academic use only", "non-commercial"),
        ("NVIDIA OneWay Noncommercial", "non-commercial"), ("Adobe Research License, non-commercial", "non-commercial"),
        ("Llama 3 community licence", "own terms"), ("NVIDIA Open Model License", "own terms"), ("SAM licence", "own terms"),
        ("none stated", "none stated"), ("closed", "closed"), ("something else", "unknown"), ("permitted", "unknown"),
    ],
)  # fmt: skip
def test_what_a_licence_tells(text, use):
    assert use_of(text) == use


def test_licences_are_inherited():
    terms = landscape.terms("midashenglm")
    assert terms.stated_use == "free"
    assert landscape.terms("midashenglm", unverified=True).use == "closed"  # MELD is a television series
    assert terms.conflict
    wavcaps = next(link for link in terms.inherited if link.record == "wavcaps" and link.use == "non-commercial")
    assert [edge.object for edge in wavcaps.via] == ["wavcaps"]
    assert landscape.terms("musicgen").use == "non-commercial"
    assert landscape.terms("moshi").use == "free"
    assert not landscape.terms("moshi").conflict
    beyond = {link.record for link in landscape.terms("r1-aqa").inherited}
    assert "qwen" not in beyond  # Qwen2-Audio states a licence of its own


def made(edges, **licences):
    """A model m, sets a and b and an encoder e for a task, under licences that were read (given as they are) or not (with a "?")."""
    kinds = {"m": "model", "a": "set", "b": "set", "e": "encoder", "task": "task"}
    keys = {"m": "licence-weights", "e": "licence-weights", "a": "licence-audio", "b": "licence-audio"}
    said = {
        id: [Fact(keys[id], text.rstrip("?"), "s", "unverified" if text.endswith("?") else "checked", "2026-01-01")]
        for id, text in licences.items()
    }
    said["m"] = [*said.get("m", ()), Fact("open-weights", "yes", "s", "checked", "2026-01-01")]
    records = {id: Record(id, kind, id, facts=said.get(id, [])) for id, kind in kinds.items()}
    marked = [Edge(type, start, end, "s", mark, "2026-01-01") for type, start, end, mark in edges]
    return Landscape(records, tuple(marked), ())


def test_licences_that_nobody_read_are_not_counted_but_told():
    edges = [("trained-on", "m", "a", "checked"), ("trained-on", "m", "b", "unverified"), ("builds-on", "m", "e", "checked")]
    field = made(edges, m="MIT?", a="CC BY-NC 4.0?", b="closed", e="Llama 3 community licence")
    terms = landscape.terms("m", field=field)
    assert (terms.stated, terms.use, terms.stated_use) == ([], "own terms", "unknown")
    assert [link.record for link in terms.inherited] == ["e"]
    assert [link.record for link in terms.unread] == ["m", "a"]
    assert [edge.object for edge in terms.left_out] == ["b"]
    whole = landscape.terms("m", unverified=True, field=field)
    assert (whole.stated_use, whole.use, whole.unread, whole.left_out) == ("free", "closed", [], [])
    assert landscape.find(free=True, field=field) == []
    assert [hit.record.id for hit in landscape.find(free=True, field=made(edges, m="MIT"))] == ["m"]


@pytest.mark.parametrize(
    ("edges", "licences", "lacks", "not_known"),
    [
        ([], {}, ["data", "free data", "weights", "free weights", "benchmark"], []),
        ([("m", "checked"), ("a", "checked")], {"m": "MIT", "a": "CC0"}, ["benchmark"], []),
        ([("m", "unverified"), ("a", "checked")], {"m": "MIT", "a": "CC0"}, ["benchmark"], ["weights", "free weights"]),
        ([("m", "checked"), ("a", "checked")], {"m": "MIT?", "a": "CC0?"}, ["benchmark"], ["free data", "free weights"]),
        ([("m", "checked"), ("a", "unverified")], {"m": "CC BY-NC 4.0", "a": "CC BY-NC 4.0"},
         ["free data", "free weights", "benchmark"], ["data"]),
    ],
)  # fmt: skip
def test_what_nobody_read_fills_no_gap_and_opens_none(edges, licences, lacks, not_known):
    field = made([("solves-task", id, "task", mark) for id, mark in edges], **licences)
    (gap,) = landscape.gaps(field=field)
    assert (gap.lacks, gap.not_known) == (lacks, not_known)
    assert gap.left_out == sum(mark != "checked" for _, mark in edges) + sum(text.endswith("?") for text in licences.values())
    (whole,) = landscape.gaps(unverified=True, field=field)
    assert (whole.lacks, whole.not_known, whole.left_out) == (lacks, [], 0)


def test_cite():
    entry = landscape.cite("laion-clap")
    assert entry.startswith("@inproceedings{wu2023laionclap,")
    assert "eprint = {2211.06687}" in entry
    assert "not checked" not in entry
    assert "note = {not checked against the paper}" in landscape.cite("clotho")
    with pytest.raises(UsageError, match="no paper is recorded for SoundBible"):
        landscape.cite("soundbible")


def test_export_is_read_by_others():
    field = landscape.load()
    document = json.loads(landscape.export("json"))
    assert len(document["records"]) == len(field.records)
    rows = list(csv.DictReader(io.StringIO(landscape.export("csv"))))
    assert len(rows) == landscape.stats()["facts"]
    assert {row["mark"] for row in rows} == {"checked", "abstract", "unverified"}
    root = ElementTree.fromstring(landscape.export("graphml"))
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    nodes = {node.get("id") for node in root.iterfind(".//g:node", space)}
    edges = list(root.iterfind(".//g:edge", space))
    assert nodes == set(field.records)
    assert len(edges) == len(field.edges)
    assert all(edge.get("source") in nodes and edge.get("target") in nodes for edge in edges)
    with pytest.raises(UsageError, match="there is no format 'xml'"):
        landscape.export("xml")
