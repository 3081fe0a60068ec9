"""Which formats there are, and how files come to be: whole, asked for, under names that every system takes."""

from __future__ import annotations

import io
import os
import stat
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_moments import hit, names

from auricle import formats
from auricle.errors import AuricleError, UsageError
from auricle.formats import _writing
from auricle.formats._rows import clock, seconds


@pytest.mark.parametrize(
    ("wrong", "near"), [("ravn", "raven"), ("CSV", "csv"), ("wave", "wav"), ("audacty", "audacity"), ("reapr", "reaper")]
)
def test_unknown_format_names_the_nearest(wrong, near):
    with pytest.raises(UsageError) as caught:
        formats.write(wrong, [], io.StringIO())
    assert f"Did you mean {near}?" in caught.value.hint
    assert all(name in caught.value.hint for name in formats.names())


def test_unknown_and_near_nothing():
    with pytest.raises(UsageError) as caught:
        formats.check("zzzzzz")
    assert "Did you mean" not in caught.value.hint


@pytest.mark.parametrize("name", [n for n in formats.names() if n != "parquet"])
def test_a_file_is_written_once(name, tmp_path):
    out = tmp_path / f"out{formats.suffix(name)}"
    assert formats.write(name, [hit()], out) == [out]
    first = out.read_bytes()
    assert first
    with pytest.raises(UsageError, match="exists already") as caught:
        formats.write(name, [hit(end=99.0)], out)
    assert "--overwrite" in caught.value.hint
    assert out.read_bytes() == first
    formats.write(name, [hit(end=99.0)], out, overwrite=True)
    assert out.read_bytes() != first
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


def test_a_folder_gets_a_name(tmp_path):
    assert formats.write("csv", [hit()], tmp_path) == [tmp_path / "moments.csv"]
    several = formats.write("srt", [hit("/a/x.wav"), hit("/b/y.wav")], tmp_path)
    assert [p.name for p in several] == ["x.srt", "y.srt"]


def test_several_files_or_none(tmp_path):
    (tmp_path / "y.srt").write_text("mine")
    with pytest.raises(UsageError):
        formats.write("srt", [hit("/a/x.wav"), hit("/b/y.wav")], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["y.srt"]


def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(AuricleError, match="No space left") as caught:
        formats.write("csv", [hit()], out, overwrite=True)
    assert caught.value.hint
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_missing_folder(tmp_path):
    with pytest.raises(AuricleError) as caught:
        formats.write("csv", [hit()], tmp_path / "nowhere" / "out.csv")
    assert "folder exists" in caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_others_may_read_what_the_umask_lets_them(tmp_path):
    old = os.umask(0o022)
    try:
        [path] = formats.write("csv", [hit()], tmp_path / "out.csv")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_stdout_takes_bytes_that_are_no_text():
    below = io.BytesIO()
    stream = io.TextIOWrapper(below, encoding="ascii")
    formats.write("reaper", [hit(os.fsdecode(b"/s/\xe9.wav"))], stream, label="雨")
    assert b'FILE "/s/\xe9.wav"' in below.getvalue()
    assert "雨".encode() in below.getvalue()


@pytest.mark.parametrize(
    "moment",
    [
        hit(start=-1),
        hit(start=5, end=4),
        hit(end=float("nan")),
        hit(end=float("inf")),
        hit(score=float("nan")),
        {"path": "/a.wav"},
        object(),
    ],
)
def test_moments_that_are_none(moment):
    with pytest.raises(UsageError) as caught:
        formats.write("csv", [moment], io.StringIO())
    assert caught.value.hint


@settings(max_examples=100, deadline=None)
@given(st.lists(names, max_size=5))
def test_safe_names(wanted):
    made = _writing.unique(wanted)
    assert len({name.casefold() for name in made}) == len(wanted)
    for name in made:
        assert name == name.rstrip(". ")
        assert not set(name) & set('<>:"/\\|?*\0\n\r\t')
        assert 0 < len(name.encode()) <= 255


@pytest.mark.parametrize(
    ("name", "safe"), [("CON", "_CON"), ("nul.txt", "_nul.txt"), ("a/b", "a_b"), ("x. ", "x"), ("..", "_"), ("COM1", "_COM1")]
)
def test_reserved_names(name, safe):
    assert _writing.safe_name(name) == safe


def test_long_names_are_cut_between_characters():
    assert len(_writing.safe_name("雨" * 200).encode()) <= 240


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (12, "12"), (0.5, "0.5"), (100, "100"), (1e-9, "0"), (123456.789, "123456.789")])
def test_seconds(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "00:00:00.000"), (59.9996, "00:01:00.000"), (3661.5, "01:01:01.500"), (360000, "100:00:00.000")]
)
def test_clock(value, text):
    assert clock(value) == text
