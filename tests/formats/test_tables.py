"""csv, jsonl, raven and kaleidoscope: written, then read back by the readers that others use."""

from __future__ import annotations

import base64
import csv
import io
import json
import os

import pytest
from hypothesis import given, settings
from odd_moments import TRICKY, hit, hits, labels, lists, paths
from odd_moments import names as odd_names

from auricle import formats
from auricle.errors import UsageError
from auricle.results import hits_from_json, readable

examples = settings(max_examples=60, deadline=None)


def text(name, moments, label=None):
    out = io.StringIO(newline="")
    assert formats.write(name, moments, out, label=label) == []
    return out.getvalue()


def rows(document, **dialect):
    return list(csv.DictReader(io.StringIO(document, newline=""), **dialect))


def plain(label):
    return label.encode("utf-8", "replace").decode()


def exact(row):
    return os.fsdecode(base64.b64decode(row["path_bytes"])) if row["path_bytes"] else row["path"]


@examples
@given(lists, labels)
def test_csv_holds_every_name(moments, label):
    back = rows(text("csv", moments, label))
    assert len(back) == len(moments)
    for row, m in zip(back, moments, strict=True):
        assert exact(row) == m.path
        assert float(row["start"]) == pytest.approx(m.start, abs=1e-6)
        assert float(row["end"]) == pytest.approx(m.end, abs=1e-6)
        assert float(row["score"]) == pytest.approx(m.score, abs=1e-6)
        if label:
            assert row["label"].removeprefix("'") == plain(label).removeprefix("'")


@pytest.mark.parametrize("start", list("=+-@\t\r\n"))
def test_csv_runs_no_formula(start):
    [row] = rows(text("csv", [hit(tags=[f"{start}cmd|' /C calc'!A0"])], label=f"{start}HYPERLINK()"))
    assert row["label"] == f"'{start}HYPERLINK()"
    assert row["tags"].startswith("'")
    [row] = rows(text("csv", [hit(path=f"{start}1.wav")]))
    assert row["path"] == f"./{start}1.wav"  # the same file
    assert os.path.normpath(row["path"]) == f"{start}1.wav"


def test_csv_leaves_negative_numbers_alone():
    [row] = rows(text("csv", [hit(score=-0.25)]))
    assert row["score"] == "-0.250000"


@examples
@given(lists, labels)
def test_jsonl_can_be_piped_back(moments, label):
    document = text("jsonl", moments, label)
    lines = document.split("\n")[:-1]
    assert len(lines) == len(moments)
    back = hits_from_json(lines)
    assert [(m.path, m.start, m.end) for m in back] == [(m.path, m.start, m.end) for m in moments]
    if label:
        assert all(json.loads(line)["label"] == plain(label) for line in lines)


def test_jsonl_of_bare_moments():
    document = text("jsonl", [{"path": "/a.wav", "start": 1, "end": 2, "label": "bark"}, ("/b.wav", 0, 1)])
    first, second = map(json.loads, document.splitlines())
    assert first == {"path": "/a.wav", "start": 1.0, "end": 2.0, "label": "bark"}
    assert second["label"] == "b"


@examples
@given(lists, labels)
def test_raven_lays_recordings_end_to_end(moments, label):
    back = rows(text("raven", moments, label), delimiter="\t")
    assert [row["Selection"] for row in back] == [str(n + 1) for n in range(len(moments))]
    begun, total = {}, 0.0
    for row, m in zip(back, ordered(moments), strict=True):
        if m.path not in begun:
            begun[m.path] = total
            total += max(x.duration for x in moments if x.path == m.path)
        assert row["Begin Path"] == readable(os.path.abspath(m.path))
        assert row["Begin File"] == row["Begin Path"].rsplit("/", 1)[-1]
        assert float(row["File Offset (s)"]) == pytest.approx(m.start, abs=1e-6)
        assert float(row["Begin Time (s)"]) == pytest.approx(begun[m.path] + m.start, abs=1e-5)
        assert float(row["End Time (s)"]) >= float(row["Begin Time (s)"])
        if label:
            assert row["Label"] == plain(label)


def ordered(moments):
    first = {m.path: i for i, m in reversed(list(enumerate(moments)))}
    return sorted(moments, key=lambda m: (first[m.path], m.start, m.end))


def test_raven_is_what_raven_reads():
    document = text("raven", [hit("/s/a b.wav", 12, 17, duration=60), hit("/s/c.wav", 1.5, 2, duration=10, rate=8000)], "rain, on a roof")
    header, first, second = document.split("\n")[:-1]
    assert header.split("\t")[:7] == [
        *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")
    ]
    assert first.split("\t") == [
        *("1", "Spectrogram 1", "1", "12", "17", "0", "24000", "/s/a b.wav", "a b.wav", "12", "rain, on a roof", "0.750000")
    ]
    assert second.split("\t")[3:7] == ["61.5", "62", "0", "4000"]


def test_raven_does_not_guess_where_a_recording_ends():
    bare = [("/a.wav", 0, 1), ("/b.wav", 0, 1)]
    with pytest.raises(UsageError, match="durations"):
        text("raven", bare)
    assert len(text("raven", bare[:1]).splitlines()) == 2


@examples
@given(lists, labels)
def test_kaleidoscope_finds_its_files(moments, label):
    back = rows(text("kaleidoscope", moments, label))
    assert len(back) == len(moments)
    for row, m in zip(back, moments, strict=True):
        parts = [part for part in (row["INDIR"], row["FOLDER"], row["IN FILE"]) if part]
        assert os.path.normpath(os.path.join(*parts)) == readable(os.path.normpath(os.path.abspath(m.path)))
        assert float(row["OFFSET"]) == pytest.approx(m.start, abs=1e-6)
        assert float(row["DURATION"]) == pytest.approx(m.end - m.start, abs=2e-6)
        assert row["MANUAL ID"] == ""
        if label:
            assert row["AUTO ID"] == plain(label)


def test_kaleidoscope_folders():
    back = rows(text("kaleidoscope", [hit("/s/a/1.wav"), hit("/s/b/c/2.wav"), hit("/s/3.wav")]))
    assert {row["INDIR"] for row in back} == {"/s"}
    assert [row["FOLDER"] for row in back] == ["a", "b/c", ""]


@pytest.mark.parametrize("name", formats.names())
def test_nothing_found_is_a_file_too(name, tmp_path):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    [path] = formats.write(name, [], tmp_path / "none")
    assert path.exists()


@examples
@given(hits(paths))
def test_parquet_holds_every_name(m):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from auricle.formats import _rows
    from auricle.formats.parquet import render

    [document] = render(_rows.moments_of([m]), "parquet")
    [row] = parquet.read_table(pyarrow.BufferReader(document.content)).to_pylist()
    assert (os.fsdecode(row["path_bytes"]) if row["path_bytes"] else row["path"]) == m.path
    assert (row["start"], row["end"], row["score"]) == (m.start, m.end, m.score)
    assert dict(row["parts"]) == m.parts


def test_parquet_without_pyarrow_tells_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        formats.write("parquet", [hit()], tmp_path / "x.parquet")
    assert "auricle[parquet]" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@examples
@given(odd_names)
def test_real_files_with_odd_names_are_found_again(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    path = f"{folder}/{name}"
    [row] = rows(text("csv", [hit(path)]))
    assert exact(row) == path
    assert TRICKY
