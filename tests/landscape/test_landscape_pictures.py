"""Pictures of the field: every one is SVG, says what it was made from, and shows what the records say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from auricle import landscape
from auricle.errors import UsageError
from auricle.landscape import pictures
from auricle.landscape.pictures.canvas import COLOURS, cut, width_of
from auricle.landscape.pictures.matrix import percent
from auricle.landscape.schema import Edge, Landscape, Record

SVG = "{http://www.w3.org/2000/svg}"
CITED = {"source": "a paper", "mark": "checked", "date": "2026-11-01"}


def small():
    """Two sets, a test set made of one of them, and two models, one of which comes from the other."""
    records = [
        Record("pool", "set", "The Pool", 2017, "audio", ["sound"]),
        Record("talk", "set", "Talk", 2019, "captions", ["speech"]),
        Record("exam", "benchmark", "Exam", 2021, "choice", ["sound"]),
        Record("tower", "model", "Tower", 2022, "two-towers", ["sound", "music"]),
        Record("tower-2", "model", "Tower <2>", 2024, "two-towers", ["sound"]),
        Record("nce", "objective", "NCE", 0, "contrastive"),
    ]
    edges = [
        Edge("derived-from", "exam", "pool", part="test", count=630, out_of=2000, basis="id", **CITED),
        Edge("overlaps-with", "exam", "talk", part="test", object_part="train", count=15, out_of=20000, basis="id", **CITED),
        Edge("overlaps-with", "exam", "talk", part="test", object_part="val", count=0, out_of=20000, basis="id", **CITED),
        Edge("trained-on", "tower", "pool", **CITED),
        Edge("builds-on", "tower-2", "tower", **CITED),
        Edge("uses-objective", "tower", "nce", **CITED),
    ]
    return Landscape({r.id: r for r in records}, tuple(edges), ())


def texts(svg):
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_the_whole_field_is_drawn(kind):
    field = landscape.load()
    subject = "audiocaps" if kind == "lineage" else ""
    svg = pictures.draw(field, kind, subject).svg()
    words = texts(svg)
    source = f"auricle landscape draw {kind} {subject}".strip()
    assert any(line.startswith(source) and "records of 20" in line for line in words)
    assert words[0] == ET.fromstring(svg).find(f"{SVG}title").text
    assert "prefers-color-scheme:dark" in svg
    assert "var(" not in svg  # slide programs know no variables
    assert "href" not in svg
    assert not re.search(r"(?<!xmlns=\")https?://(?!www\.w3\.org)[^\s<]*\.(js|css|woff2)", svg)


def test_in_a_page_names_lead_to_records_and_colours_are_the_pages():
    svg = pictures.draw(small(), "timeline").svg(embedded=True)
    assert 'href="#/record/tower-2"' in svg
    assert "<style" not in svg


def test_a_name_with_signs_is_a_name():
    assert "Tower <2>" in texts(pictures.draw(small(), "timeline").svg())


def test_the_timeline_puts_works_into_their_year_and_row():
    svg = pictures.draw(small(), "timeline").svg()
    where = {t.text: (float(t.get("x")), float(t.get("y"))) for t in ET.fromstring(svg).iter(f"{SVG}text")}
    assert where["Tower"][0] == where["2022"][0]
    assert where["two towers"][1] < where["Tower"][1] < where["benchmarks"][1] < where["Exam"][1]


def test_the_map_counts_domains_and_shows_what_is_empty():
    words = texts(pictures.draw(small(), "map").svg())
    assert "1 models, each in every cell that it belongs to; a bar per domain; 1 have no such place" in words
    assert words.count("none recorded") == 15


def test_overlap_adds_the_splits_of_a_set_up():
    words = texts(pictures.draw(small(), "overlap").svg())
    assert "Exam (test)" in words
    assert {"32 %", "630", "<0.1 %", "15"} <= set(words)


def test_a_lineage_goes_both_ways():
    svg = pictures.draw(small(), "lineage", "tower").svg()
    at = {t.text: float(t.get("x")) for t in ET.fromstring(svg).iter(f"{SVG}text")}
    assert at["The Pool"] < at["Tower"] < at["Tower <2>"]
    assert "It comes from 1 work; 1 came of it." in at
    assert len(list(ET.fromstring(svg).iter(f"{SVG}path"))) == 2


@pytest.mark.parametrize(("kind", "subject"), [("pie", ""), ("lineage", ""), ("timeline", "tower")])
def test_what_cannot_be_drawn_is_refused(kind, subject):
    with pytest.raises(UsageError):
        pictures.draw(small(), kind, subject)


def test_text_is_cut_to_its_room():
    assert cut("Audio Flamingo 3", 400, 12) == "Audio Flamingo 3"
    short = cut("Audio Flamingo 3", 60, 12)
    assert short.endswith("…")
    assert width_of(short, 12) <= 60


def test_small_shares_are_not_nothing():
    assert [percent(share) for share in (0, 0.0004, 0.0123, 0.31, 1)] == ["0 %", "<0.1 %", "1.2 %", "31 %", "100 %"]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("night", [False, True])
def test_words_are_legible_in_both_themes(night):
    paper = luminance(COLOURS["paper"][night])
    for name in ("ink", "dim", "accent", "amber", "brick", "c1", "c2", "c3", "c4", "c5", "c6", "c7"):
        light, dark = sorted([paper, luminance(COLOURS[name][night])], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
