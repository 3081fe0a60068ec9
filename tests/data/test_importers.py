"""Folders, tables, data sets of Hugging Face and shards become items; what is wrong names its place."""

from __future__ import annotations

import pytest
from datasounds import put, put_table

from auricle.audio import content_hash
from auricle.data import open_audio, read
from auricle.data.importers import Columns, folder, hugging_face, shards, table, words_of
from auricle.data.saving import save
from auricle.errors import AudioError, DataError, UsageError


def test_a_folder(tmp_path):
    for name in ("train/Dog Bark/bigDog_02.wav", "test/rain/a.flac", "loose.ogg", ".hidden/x.wav"):
        put(tmp_path / "Sounds" / name)
    (tmp_path / "Sounds/notes.txt").write_text("no sound")
    out = tmp_path / "Sounds/manifest.jsonl"
    assert save(folder(tmp_path / "Sounds", captions=True, licence="CC0"), out) == 3
    loose, rain, dog = read(out)
    assert (dog.id, dog.labels, dog.captions, dog.split) == ("train/Dog Bark/bigDog_02.wav", ("dog bark",), ("big dog",), "train")
    assert (rain.labels, rain.split, rain.licence, rain.set) == (("rain",), "test", "CC0", "Sounds")
    assert (loose.labels, loose.split) == ((), "")
    assert dog.duration == pytest.approx(0.3)
    assert dog.hash == content_hash(tmp_path / "Sounds" / dog.audio)
    assert open_audio(dog, out.parent).rate == 16000


def test_words_of_names():
    assert words_of("RainOnTin_take02") == "rain on tin take"
    assert words_of("___01") == ""


def test_sounds_outside_are_refused_or_packed(tmp_path):
    put(tmp_path / "in/a.wav")
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match=r"lies outside .*out") as outside:
        save(folder(tmp_path / "in"), tmp_path / "out/m.jsonl")
    assert "--root" in outside.value.hint
    assert not (tmp_path / "out/m.jsonl").exists()
    assert save(folder(tmp_path / "in"), tmp_path / "out/m.tar") == 1
    assert save(folder(tmp_path / "in"), tmp_path / "out/m.jsonl", root=tmp_path) == 1
    assert next(read(tmp_path / "out/m.jsonl")).audio == "in/a.wav"


def test_what_cannot_be_opened_is_named_and_left_out(tmp_path):
    put(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"no sound at all")
    failures = []
    assert save(folder(tmp_path), tmp_path / "m.jsonl", failed=failures.append) == 1
    assert [(f.kind, f.path) for f in failures] == [("NotAudio", str(tmp_path / "b.wav"))]
    with pytest.raises(AudioError):
        save(folder(tmp_path), tmp_path / "m.jsonl")


def test_a_table(tmp_path):
    put(tmp_path / "audio/one.wav")
    path = put_table(
        tmp_path / "t.csv", ["file", "c1", "c2", "tags", "half", "from"], ["audio/one.wav", "a dog", "", "dog; animal", "val", "7"],
        ["", "only text", "twice", "", "eval", ""],
    )  # fmt: skip
    columns = Columns.parse("audio=file,captions=c1+c2,labels=tags,split=half,extra=from")
    one, two = (found.item for found in table(path, columns, separator=";", licence="MIT"))
    assert (one.captions, one.labels, one.split, one.licence) == (("a dog",), ("dog", "animal"), "dev", "MIT")
    assert (two.captions, two.split, two.id) == (("only text", "twice"), "test", "t-3")
    assert one.extra == {"from": "7"}


def test_questions_of_a_table(tmp_path):
    path = put_table(tmp_path / "q.tsv", None)
    path.write_text("q\ta\tx\ty\nwhat is it?\ta dog\ta dog\ta cat\n")
    question = next(table(path, Columns.parse("question=q,answer=a,options=x+y"))).item.questions[0]
    assert (question.question, question.answer, question.options) == ("what is it?", "a dog", ("a dog", "a cat"))


@pytest.mark.parametrize(
    ("cells", "columns", "what"),
    [
        (["a.wav", "x"], "audio=file,captions=nothing", r":1: has no column 'nothing' \(it has file, text\)"),
        (["none.wav", "x"], "audio=file", r":2: there is no .*none\.wav"),
        (["../a.wav", "x"], "audio=file", r":2: '\.\./a\.wav' is no path below"),
        (["/etc/passwd", "x"], "audio=file", r":2: '/etc/passwd' is no path below"),
        (["", "..."], "captions=text", r":2: captions\[0\] has no words"),
        (["", "x", "y"], "captions=text", r":2: has 3 cells, not 2"),
        (["", "x"], "start=text", r":2: start is no number"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path, cells, columns, what):
    path = put_table(tmp_path / "t.csv", ["file", "text"], cells)
    with pytest.raises(DataError, match=f"t.csv{what}"):
        list(table(path, Columns.parse(columns)))


def test_columns_that_mean_nothing():
    with pytest.raises(UsageError, match="'caption=x' maps nothing"):
        Columns.parse("caption=x")
    with pytest.raises(UsageError, match="says nothing"):
        table("t.csv", Columns())
    with pytest.raises(DataError, match="no such file"):
        folder("nowhere")


def test_hugging_face(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    sound = put(tmp_path / "a.wav").read_bytes()
    features = datasets.Features(
        audio=datasets.Audio(), label=datasets.ClassLabel(names=["cat", "dog"]), caption=datasets.Value("string"), n=datasets.Value("int64")
    )
    data = {"audio": [{"bytes": sound, "path": "a.wav"}] * 2, "label": [1, 0], "caption": ["a dog", "a cat"], "n": [1, 2]}
    whole = datasets.Dataset.from_dict(data).cast(features)  # encoding by itself would need torchcodec
    both = datasets.DatasetDict(train=whole.select([0]), validation=whole.select([1]))
    both.save_to_disk(tmp_path / "saved")
    for source in (both, tmp_path / "saved"):
        dog, cat = hugging_face(source, set="pets")
        assert (dog.item.labels, dog.item.captions, dog.item.split, dog.sound) == (("dog",), ("a dog",), "train", sound)
        assert (cat.item.labels, cat.item.split, cat.item.set) == (("cat",), "dev", "pets")
    assert save(hugging_face(tmp_path / "saved"), tmp_path / "m.jsonl") == 2
    item = next(read(tmp_path / "m.jsonl"))
    assert open_audio(item, tmp_path).duration == pytest.approx(0.3)
    assert save(hugging_face(tmp_path / "saved"), tmp_path / "m.tar") == 2
    with pytest.raises(DataError, match="no data set was saved there"):
        list(hugging_face(tmp_path))
    with pytest.raises(UsageError, match="no column 'x'"):
        list(hugging_face(both, Columns(captions=("x",))))


def test_shards_become_a_manifest(tmp_path):
    put(tmp_path / "in/a.wav")
    save(folder(tmp_path / "in"), tmp_path / "s.tar")
    assert save(shards(str(tmp_path / "s.tar"), set="mine"), tmp_path / "m.jsonl") == 1
    item = next(read(tmp_path / "m.jsonl"))
    assert item.audio.startswith("s.tar#a-wav-")
    assert open_audio(item, tmp_path).duration == pytest.approx(0.3)
    (tmp_path / "s.tar.gz").write_bytes(__import__("gzip").compress((tmp_path / "s.tar").read_bytes()))
    assert save(shards(str(tmp_path / "s.tar.gz")), tmp_path / "again.tar") == 1
    assert next(read(tmp_path / "again.tar")).hash == item.hash
