"""audacity, srt, vtt, m3u and reaper: read back by small parsers of their grammars, written here on purpose."""

from __future__ import annotations

import io
import os
import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_moments import TRICKY, hit, hits, labels, lists

from auricle import formats
from auricle.errors import UsageError

examples = settings(max_examples=60, deadline=None)
one_recording = st.lists(hits(st.just("/s/rain.wav")), max_size=4)


def text(name, moments, label=None):
    out = io.StringIO(newline="")
    formats.write(name, moments, out, label=label)
    return out.getvalue()


def by_time(moments):
    return sorted(moments, key=lambda m: (m.start, m.end))


# ---------------------------------------------------------------------------------------------------------- audacity


def parse_audacity(document):
    out = []
    for line in document.split("\n")[:-1]:
        start, end, label = line.split("\t")
        out.append((float(start), float(end), label))
    return out


@examples
@given(one_recording, labels)
def test_audacity_labels(moments, label):
    back = parse_audacity(text("audacity", moments, label))
    assert [(s, e) for s, e, _ in back] == [pytest.approx((m.start, m.end), abs=1e-6) for m in by_time(moments)]
    for _, _, words in back:
        assert len(words.splitlines()) == 1


def test_audacity_one_file_a_recording(tmp_path):
    moments = [hit("/a/rain.wav"), hit("/b/rain.wav", 1, 2), hit("/c/dog.wav", 3, 4), hit("/a/rain.wav", 1, 2)]
    written = formats.write("audacity", moments, tmp_path / "found.txt", label="rain\ton\na roof")
    assert sorted(p.name for p in written) == ["found-dog.txt", "found-rain-2.txt", "found-rain.txt"]
    assert parse_audacity((tmp_path / "found-rain.txt").read_text()) == [(1, 2, "rain on a roof 0.750"), (12, 17, "rain on a roof 0.750")]
    with pytest.raises(UsageError, match="one recording a file"):
        text("audacity", moments)


# --------------------------------------------------------------------------------------------------------- subtitles

TIME = r"(\d\d+):([0-5]\d):([0-5]\d)[,.](\d{3})"


def seconds(hours, minutes, rest, milliseconds):
    return int(hours) * 3600 + int(minutes) * 60 + int(rest) + int(milliseconds) / 1000


def parse_cues(document):
    out = []
    for block in filter(str.strip, document.removeprefix("WEBVTT\n").split("\n\n")):
        lines = block.strip("\n").split("\n")
        at = next(i for i, line in enumerate(lines) if " --> " in line)
        found = re.fullmatch(f"{TIME} --> {TIME}", lines[at]).groups()
        out.append((seconds(*found[:4]), seconds(*found[4:]), "\n".join(lines[at + 1 :])))
    return out


@examples
@given(one_recording, labels, st.sampled_from(["srt", "vtt"]))
def test_subtitles(moments, label, name):
    document = text(name, moments, label)
    assert document.startswith("WEBVTT\n") == (name == "vtt")
    back = parse_cues(document)
    assert [(s, e) for s, e, _ in back] == [pytest.approx((m.start, m.end), abs=1e-3) for m in by_time(moments)]
    if name == "vtt":
        assert all("<" not in words and "-->" not in words for _, _, words in back)


# --------------------------------------------------------------------------------------------------------------- m3u


def parse_m3u(document):
    lines = document.split("\n")
    assert lines[0] == "#EXTM3U"
    entries, options, title = [], {}, None
    for line in lines[1:-1]:
        if line.startswith("#EXTINF:"):
            length, title = line.removeprefix("#EXTINF:").split(",", 1)
            assert int(length) >= 1
        elif line.startswith("#EXTVLCOPT:"):
            key, value = line.removeprefix("#EXTVLCOPT:").split("=")
            options[key] = float(value)
        else:
            assert not line.startswith("#")
            path = unquote_to_bytes(line.removeprefix("file://")) if line.startswith("file://") else os.fsencode(line)
            entries.append((os.fsdecode(path), options, title))
            options = {}
    return entries


@examples
@given(lists, labels)
def test_m3u_holds_every_name(moments, label):
    back = parse_m3u(text("m3u", moments, label))
    assert [path for path, _, _ in back] == [os.path.abspath(m.path) for m in moments]
    for (_, options, _), m in zip(back, moments, strict=True):
        assert options == {"start-time": pytest.approx(m.start, abs=1e-6), "stop-time": pytest.approx(m.end, abs=1e-6)}


@pytest.mark.parametrize("name", TRICKY)
def test_m3u_opens_real_files(name, tmp_path):
    (tmp_path / name).write_bytes(b"sound")
    [(path, _, _)] = parse_m3u(text("m3u", [hit(str(tmp_path / name))]))
    with open(path, "rb") as file:
        assert file.read() == b"sound"


# ------------------------------------------------------------------------------------------------------------ reaper


def words_of(line):
    """Words of an RPP line: bare, or within the quote that opens them."""
    words, at = [], 0
    while at < len(line):
        if line[at] == " ":
            at += 1
            continue
        if line[at] in "\"'`":
            end = line.index(line[at], at + 1)
            words.append(line[at + 1 : end])
            at = end + 1
            assert at == len(line) or line[at] == " "
        else:
            end = line.find(" ", at) if " " in line[at:] else len(line)
            words.append(line[at:end])
            at = end
    return words


def parse_rpp(document):
    """Nested ``[word, …, [children]]``."""
    root = []
    stack = [root]
    for line in document.split("\n")[:-1]:
        line = line.strip(" ")
        if line == ">":
            stack.pop()
            continue
        block = line.startswith("<")
        node = [*words_of(line[1:] if block else line)]
        stack[-1].append(node)
        if block:
            node.append([])
            stack.append(node[-1])
    assert stack == [root]
    [project] = root
    return project


def children(node, name):
    return [child for child in node[-1] if child[0] == name]


@examples
@given(lists, labels)
def test_reaper_items_play_the_moments(moments, label):
    if any(len(f"{m.path}.".splitlines()) > 1 or all(q in m.path for q in "\"'`") for m in moments):
        with pytest.raises(UsageError, match="cannot hold"):
            text("reaper", moments, label)
        return
    project = parse_rpp(text("reaper", moments, label))
    assert project[:2] == ["REAPER_PROJECT", "0.1"]
    [track] = children(project, "TRACK")
    items = children(track, "ITEM")
    at = 0.0
    for item, marker, m in zip(items, children(project, "MARKER"), moments, strict=True):
        value = {child[0]: child[1] for child in item[-1] if isinstance(child[1], str)}
        assert float(value["POSITION"]) == pytest.approx(at, abs=1e-5)
        assert float(marker[2]) == pytest.approx(at, abs=1e-5)
        assert float(value["SOFFS"]) == pytest.approx(m.start, abs=1e-6)
        if m.end > m.start:
            assert float(value["LENGTH"]) == pytest.approx(m.end - m.start, abs=2e-6)
        [source] = children(item, "SOURCE")
        assert source[-1] == [["FILE", os.path.abspath(m.path)]]
        at += m.end - m.start + 1


@pytest.mark.parametrize(
    ("name", "decoder"), [("a.WAV", "WAVE"), ("a.ogg", "VORBIS"), ("a.flac", "FLAC"), ("a.mp4", "VIDEO"), ("a", "VIDEO")]
)
def test_reaper_names_the_decoder(name, decoder):
    [track] = children(parse_rpp(text("reaper", [hit(f"/s/{name}")])), "TRACK")
    [source] = children(children(track, "ITEM")[0], "SOURCE")
    assert source[1] == decoder


def test_reaper_keeps_the_bytes_of_a_name(tmp_path):
    path = os.fsdecode(b"/s/caf\xe9 1.wav")
    [out] = formats.write("reaper", [hit(path)], tmp_path / "x.rpp")
    assert b'FILE "/s/caf\xe9 1.wav"' in out.read_bytes()
