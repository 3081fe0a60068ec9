"""The language of --where: what it chooses, what it says when it does not understand, and that it never lets SQL in."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from library_sounds import SpectrumModel

from auricle.errors import UsageError
from auricle.library.rows import Content, Place, Tag, Text
from auricle.library.store import Store
from auricle.library.where import compile_where
from auricle.library.where_values import FIELDS, date_span


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.create(tmp_path_factory.mktemp("where") / "library", model=SpectrumModel()) as made:
        with made.writing() as writer:
            for i, (path, duration, rate, more, tags, texts) in enumerate(
                (
                    ("/lib/Rain/heavy rain.wav", 12.0, 48000, {"recorded_at": "2024-05-01T06:30:00Z", "latitude": 50.5},
                     [("artist", "Zoë")], []),
                    ("/lib/Birds/Turdus [merula].flac", 90.5, 44100, {"format": "flac", "recorded_at": "2024-05-31T23:59:59"},
                     [], ["it sings"]),
                    ("/lib/Birds/100%_wren.WAV", 3600.0, 96000, {"bytes": 12_000_000, "recorded_at": "2023-12-31T00:00:00Z"},
                     [("guano.species", "Troglodytes troglodytes")], ["the dog Barks"]),
                    ("/lib/talk/it's \"quoted\".ogg", 0.5, 8000, {"format": "vorbis", "channels": 1},
                     [("artist", "bob"), ("title", "x")], []),
                )
            ):  # fmt: skip
                content = Content(**{
                    "hash": f"h{i}", "duration": duration, "rate": rate, "channels": 2, "format": "wav", "codec": "pcm", "bytes": 1000,
                    "tags": tuple(Tag(k, v, "file") for k, v in tags), **more,
                })  # fmt: skip
                vectors = np.eye(32, dtype=np.float32)[i : i + 1]
                number = writer.add_content(content, [0.0], [1.0], vectors)
                place = Place(path, 1, 1, i, tags=(Tag("name", f"n{i}", "name"),), texts=tuple(Text(t, 0, 1) for t in texts))
                writer.put_recording(place, number)
        yield made


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("duration > 10", {1, 2, 3}),
        ("duration >= 1:30", {2, 3}),
        ("duration < 90s", {1, 4}),
        ("duration > 1.5min and duration < 2h", {2, 3}),
        ("duration = 0:00.5", {4}),
        ("duration > 1:00:00", set()),
        ("rate >= 48k", {1, 3}),
        ("rate = 44.1kHz", {2}),
        ("size > 10MB", {3}),
        ("bytes <= 1kB", {1, 2, 4}),
        ("channels = 1", {4}),
        ("format = WAV", {1, 3}),
        ("format in (flac, vorbis)", {2, 4}),
        ("format not in (flac, vorbis)", {1, 3}),
        ("not format = wav or channels = 1", {2, 4}),
        ("not (format = wav or channels = 1)", {2}),
        ("NAME ~ RAIN", {1}),
        ("name = 'heavy rain.wav'", {1}),
        ('name ~ "[merula]"', {2}),
        ("name ~ *.wav", {1, 3}),
        ("name ~ ???%*", {3}),
        ("name ~ %", {3}),
        ("name ~ _", {3}),
        ("name !~ wav", {2, 4}),
        ("name ~ \"it's\"", {4}),
        ("name ~ 'it\\'s \"'", {4}),
        ("folder ~ birds", {2, 3}),
        ("folder = /lib/Rain", {1}),
        ("path ~ /lib/*rain.wav", {1}),
        ("recorded_at = 2024", {1, 2}),
        ("recorded_at = 2024-05", {1, 2}),
        ("recorded_at = 2024-05-01", {1}),
        ("recorded_at > 2024-05-01", {2}),
        ("recorded_at >= 2024-05-01T06:30", {1, 2}),
        ("recorded_at <= 2023", {3}),
        ("recorded_at < 2024-05-31", {1, 3}),
        ("added_at >= yesterday", {1, 2, 3, 4}),
        ("vanished_at > 2000", set()),
        ("tag = bob", {4}),
        ("tag.artist = ZOË", {1}),
        ("tag.artist != bob", {1, 2, 3}),
        ("tag.guano.species ~ trog*dytes", {3}),
        ("tag ~ n2", {3}),
        ("latitude > 50", {1}),
        ("not latitude > 51", {1, 2, 3, 4}),
        ("text ~ barks", {3}),
        ("text ~ dog and text ~ sings", set()),
        ("duration>10 and(name~rain or name~wren)", {1, 3}),
        ("duration > 1 and duration < 20 or channels = 1", {1, 4}),
        ("name = 'and' or name = or or channels == 1", {4}),
        ("format <> wav", {2, 4}),
        (" or ".join(["channels = 1"] * 200), {4}),
        ("channels in (" + ",".join(["1"] * 1500) + ")", {4}),
    ],
)  # fmt: skip
def test_what_is_chosen(store, expression, chosen):
    selection = store.select(expression)
    assert set(selection.recordings.tolist()) == chosen
    assert set(selection.contents.tolist()) == chosen


@pytest.mark.parametrize(
    ("expression", "column", "words"),
    [
        ("", 1, "empty"),
        ("   ", 4, "empty"),
        ("duratoin > 3", 1, "Did you mean duration"),
        ("banana = 3", 1, "Fields: path, name"),
        ("duration > x", 12, "1:30"),
        ("duration ~ 3", 10, "takes ="),
        ("name < b", 6, "takes ="),
        ("name ~", 7, "expected a value"),
        ("name", 5, "expected one of"),
        ("(name = a", 1, "not closed"),
        ("name = a)", 9, "found ')'"),
        ('name = "a', 8, "quote"),
        ("name = a name = b", 10, "expected “and”"),
        ("and", 1, "no field 'and'"),
        ("not", 4, "expected a field"),
        ("format in wav", 11, "expected ("),
        ("format in (wav", 15, "expected , or )"),
        ("format in ()", 12, "expected a value"),
        ("size > 10parsec", 8, "a size"),
        ("rate > 1e999", 8, "a rate"),
        ("recorded_at > 2024-13", 15, "no such date"),
        ("recorded_at = soon", 15, "expected a date"),
        ("name ! b", 6, "means nothing"),
        ("name = \x00", 8, "no text can"),
        ("not " * 60 + "name = a", 201, "levels deep"),
        ("name not = a", 10, "expected one of"),
    ],
)  # fmt: skip
def test_what_is_said(expression, column, words):
    with pytest.raises(UsageError) as error:
        compile_where(expression)
    assert f"--where, column {column}" in error.value.message
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_an_endless_expression_is_refused():
    with pytest.raises(UsageError, match="4000"):
        compile_where("name = " + "a" * 5000)


marks = ["tag.x", "tag.", "and", "or", "not", "in", "(", ")", ",", "=", "~", "<", "!=", "'", '"', "10", "1:30", "*", "2024-05", "x"]
words = st.sampled_from([*FIELDS, *marks])


@settings(max_examples=400, deadline=None)
@given(st.text() | st.lists(words | st.text(max_size=5), max_size=12).map(" ".join))
@example("name = '; DROP TABLE recordings; --'")
@example("duration > ٣")
@example("recorded_at = 9999-12-31")
@example("name ~ " + "*a" * 100)
def test_anything_is_an_answer_or_a_usage_error(store, expression):
    with contextlib.suppress(UsageError):
        store.select(expression)
    assert store.stats().recordings == 4


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["name", "folder", "path", "tag", "tag.artist", "text"]),
    st.sampled_from(["=", "~", "!="]),
    st.text(max_size=30).filter(lambda t: not any(0xD800 <= ord(c) < 0xE000 for c in t)),
)
def test_values_are_parameters(field, operator, value):
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    expression = f'{field} {operator} "{quoted}"'
    if "\x00" in value:
        with pytest.raises(UsageError, match="no text can"):
            compile_where(expression)
        return
    compiled = compile_where(expression)
    assert value.casefold() in compiled.parameters
    assert compiled.sql == compile_where(f'{field} {operator} "{"x*" if "pattern" in compiled.sql else "x"}"').sql


def test_a_pattern_of_many_stars_ends(store):
    assert store.select("name ~ " + "*a" * 400 + "*b").recordings.size == 0


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
        ("2024-02", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("2024-2-29", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("2024-02-29T23:59", "2024-02-29T23:59:00", "2024-03-01T00:00:00"),
        ("2024-02-29 23:59:58", "2024-02-29T23:59:58", "2024-02-29T23:59:59"),
    ],
)
def test_dates_are_spans(text, first, after):
    assert date_span(text) == (first, after)
