"""Items and manifests: what is written reads back; what is wrong names file and line."""

from __future__ import annotations

import errno
import gzip
import os
import string

import pytest
from datasounds import put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle import _faults
from auricle.data import Event, Item, Question, open_audio, read, write
from auricle.data.items import as_line, from_line
from auricle.errors import AudioError, DataError, UsageError

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
WORDS = TEXT.map(lambda t: t + "a")
SECONDS = st.floats(0, 1e6, allow_nan=False)
NAMES = st.text(string.ascii_letters + "äß é_-", min_size=1, max_size=12).map(lambda n: f"{n}.wav")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5,
)  # fmt: skip
SPANS = st.tuples(SECONDS, st.floats(0.01, 100)).map(lambda t: (t[0], t[0] + t[1] + 1))
QUESTIONS = st.builds(Question, WORDS, TEXT, st.lists(TEXT, max_size=3).map(tuple), TEXT)
EVENTS = st.builds(lambda span, label: Event(*span, label), SPANS, WORDS)
ITEMS = st.builds(
    lambda span, whole, **more: Item(start=0.0 if whole else span[0], end=None if whole else span[1], **more),
    SPANS, st.booleans(), id=TEXT.map(lambda t: "i" + t), audio=st.none() | NAMES | NAMES.map(lambda n: f"shards/0.tar#{n}"),
    duration=st.none() | SECONDS, labels=st.lists(WORDS, max_size=3).map(tuple), captions=st.lists(WORDS, max_size=3).map(tuple),
    questions=st.lists(QUESTIONS, max_size=2).map(tuple), events=st.lists(EVENTS, max_size=2).map(tuple), split=TEXT, set=TEXT, clip=TEXT,
    source=TEXT, licence=TEXT, hash=TEXT, extra=st.dictionaries(TEXT, JSON, max_size=3),
)  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(ITEMS)
def test_an_item_reads_back(item):
    assert from_line(as_line(item)) == item


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
@settings(QUICK, max_examples=15)
@given(items=st.lists(ITEMS, max_size=4, unique_by=lambda i: i.id))
def test_a_manifest_reads_back(tmp_path_factory, suffix, items):
    path = tmp_path_factory.mktemp("m") / f"m{suffix}"
    assert write(path, items) == len(items)
    assert list(read(path)) == items


def test_the_same_items_give_the_same_bytes(tmp_path):
    items = [Item("a", captions=("a dog",)), Item("b")]
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write(tmp_path / name, items)
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


def test_a_name_that_is_no_text_reads_back(tmp_path):
    name = os.fsdecode(b"caf\xe9.wav")
    write(tmp_path / "m.jsonl", [Item(name, audio=name)])
    assert next(read(tmp_path / "m.jsonl")).audio == name
    with pytest.raises(DataError, match=r"UTF-8.*jsonl"):
        write(tmp_path / "m.parquet", [Item(name, audio=name)])


LINES = {
    '{"id": "a", "caption": "x"}': "unknown key 'caption'",
    '{"id": "a", "questions": [{"question": "x", "answer": "y", "right": 1}]}': "unknown key 'right'",
    '{"id": ""}': "no id",
    '{"audio": "a.wav"}': "no id",
    '{"id": 7}': "id is no text",
    '{"id": "a", "id": "b"}': "'id' stands twice",
    '{"id": "a", "captions": "x"}': "captions is no list",
    '{"id": "a", "captions": ["..."]}': r"captions\[0\] has no words",
    '{"id": "a", "labels": [""]}': r"labels\[0\] has no words",
    '{"id": "a", "audio": "/etc/passwd"}': "not relative",
    '{"id": "a", "audio": "C:\\\\x.wav"}': "not relative",
    '{"id": "a", "audio": "../x.wav"}': "leaves the manifest's folder",
    '{"id": "a", "audio": "b\\\\..\\\\..\\\\x.wav"}': "leaves the manifest's folder",
    '{"id": "a", "audio": "s.tar#../x.wav"}': "leaves the manifest's folder",
    '{"id": "a", "audio": "http://x/y.wav"}': "not relative",
    '{"id": "a", "duration": NaN}': "NaN is no number",
    '{"id": "a", "start": 2, "end": 1}': "not after start",
    '{"id": "a", "start": -1}': "no number of seconds",
    '{"id": "a", "duration": true}': "no number of seconds",
    '{"id": "a", "events": [{"start": 1, "end": 1, "label": "x"}]}': "not after its start",
    '{"id": "a", "extra": []}': "extra is no JSON object",
    "[1]": "no JSON object",
    "{": "is no JSON",
    "[" * 5000: "nested too deep|is no JSON",
}


@pytest.mark.parametrize(("line", "what"), LINES.items(), ids=[w[:20] for w in LINES.values()])
def test_a_wrong_line_names_file_and_line(tmp_path, line, what):
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "fine"}\n\n' + line + '\n{"id": "last"}\n')
    with pytest.raises(DataError, match=what) as wrong:
        list(read(path))
    assert str(wrong.value).startswith(f"{path}:3: ")
    assert (wrong.value.path, wrong.value.line) == (str(path), 3)
    assert wrong.value.hint
    told = []
    assert [item.id for item in read(path, broken=told.append)] == ["fine", "last"]
    assert [error.line for error in told] == [3]


def test_an_id_stands_once(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b"}\n{"id": "a"}\n')
    with pytest.raises(DataError, match=r"m\.jsonl:3: id 'a' stands in line 1"):
        list(read(path))
    with pytest.raises(DataError, match="'a' stands"):
        write(tmp_path / "n.jsonl", [Item("a"), Item("a")])
    assert not (tmp_path / "n.jsonl").exists()


def test_a_row_of_parquet_is_named(tmp_path):
    import pyarrow
    import pyarrow.parquet as parquet

    path = tmp_path / "m.parquet"
    parquet.write_table(pyarrow.table({"id": ["a", ""]}), path)
    with pytest.raises(DataError, match=r"row:2: it has no id"):
        list(read(path))
    parquet.write_table(pyarrow.table({"id": ["a"], "caption": ["x"]}), path)
    with pytest.raises(DataError, match="unknown key 'caption'"):
        list(read(path))
    path.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="no Parquet file"):
        list(read(path))


def test_damaged_manifests(tmp_path):
    whole = gzip.compress(b'{"id": "a"}\n' + b'{"id": "b", "captions": ["x"]}\n' * 1, mtime=0)
    path = tmp_path / "m.jsonl.gz"
    path.write_bytes(whole[:-12])
    with pytest.raises(DataError, match="ends in the middle"):
        list(read(path))
    path.write_bytes(b"no gzip")
    with pytest.raises(DataError, match="no gzip"):
        list(read(path))
    (tmp_path / "m.jsonl").write_bytes(b'{"id": "a\xff"}\n')
    with pytest.raises(DataError, match="is not UTF-8"):
        list(read(tmp_path / "m.jsonl"))
    with pytest.raises(DataError, match="no such manifest"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="no manifest is called that"):
        read(tmp_path / "m.txt")


def test_a_full_disk_leaves_the_old_manifest(tmp_path):
    path = tmp_path / "m.jsonl"
    write(path, [Item("old")])
    _faults.arm("data.write", "enospc")
    with pytest.raises(OSError) as full:
        write(path, [Item("new")])
    assert full.value.errno == errno.ENOSPC
    assert [item.id for item in read(path)] == ["old"]
    assert os.listdir(tmp_path) == ["m.jsonl"]


def test_sound_comes_through_the_gate(tmp_path):
    put(tmp_path / "a.wav", 1.0)
    audio = open_audio(Item("a", audio="a.wav", start=0.25, end=0.75), tmp_path, rate=8000)
    assert (audio.rate, audio.duration, audio.channels) == (8000, 0.5, 1)
    with pytest.raises(AudioError) as missing:
        open_audio(Item("a", audio="b.wav"), tmp_path)
    assert missing.value.kind == "Missing"
    with pytest.raises(DataError, match="no sound, only text"):
        open_audio(Item("a"), tmp_path)
