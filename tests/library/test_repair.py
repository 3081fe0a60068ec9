"""What a damaged library gives back, and what it says it could not."""

from __future__ import annotations

import os
import random

import pytest
from library_sounds import SpectrumModel, check, picture, write_tone

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import ann, schema
from auricle.library.ingest import index
from auricle.library.repair import repair
from auricle.library.store import Store
from auricle.library.writer import Writer

MODEL = SpectrumModel()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A library of 12 sounds in several segments, its sounds, and its picture when whole."""
    monkeypatch.setattr("auricle.library.segments.SEGMENT_ROWS", 16)
    monkeypatch.setattr(Writer.__init__, "__kwdefaults__", {**Writer.__init__.__kwdefaults__, "segment_rows": 16})
    sounds, folder = tmp_path / "sounds", tmp_path / "library"
    for i in range(12):
        write_tone(sounds / f"sound {i:02d}.wav", seconds=1.0 + i % 4, pitch=150 * (i + 1), seed=i)
    (sounds / "sound 03.srt").write_text("1\n00:00:00,0 --> 00:00:01,0\nspoken words\n")
    with Store.create(folder, model=MODEL) as store:
        index(store, [sounds], MODEL, workers=1)
        assert len(store.layout().rows) >= 3
        return folder, sounds, picture(store)


def heal(folder, sounds, whole):
    """After repair and one more index run all is as it was."""
    with Store.open(folder) as store:
        check(store)
        summary = index(store, [sounds], MODEL)
        assert picture(store) == whole
        assert repair(folder).sound
        return summary


def segment(folder, number=2):
    return folder / "vectors" / f"{number:06d}.f16"


def test_a_sound_library_is_left_alone(made):
    folder, _, whole = made
    report = repair(folder)
    assert report.sound
    assert report.lines() == [f"Checked {report.windows_checked} windows.", "Nothing is damaged."]
    with Store.open(folder) as store:
        assert picture(store) == whole


@pytest.mark.parametrize("damage", ["short", "missing", "garbage", "one bit", "all missing"])
def test_damaged_vectors_are_heard_again(made, damage):
    folder, sounds, whole = made
    path = segment(folder)
    if damage == "short":
        os.truncate(path, path.stat().st_size // 2 + 7)
    elif damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(os.urandom(path.stat().st_size))
    elif damage == "one bit":
        data = bytearray(path.read_bytes())
        data[777] ^= 4
        path.write_bytes(data)
    else:
        for each in path.parent.iterdir():
            each.unlink()
    report = repair(folder)
    assert not report.sound
    assert report.windows_lost > 0
    assert report.recordings_to_hear == len(report.paths_to_hear) > 0
    if damage == "one bit":
        assert report.recordings_to_hear == 1
    if damage != "all missing":
        assert "000002.f16" in " ".join(report.lines())
        assert report.recordings_to_hear < 12
    with Store.open(folder, readonly=True) as store:
        lost = set(report.paths_to_hear)
        kept = [r for r in store.recordings() if r.path not in lost]
        for recording in kept:
            windows = [w for w, _, _ in store.windows_of(recording.content_id)]
            assert store.vectors(windows).tobytes() == whole["recordings"][os.path.basename(recording.path)][5]
        if kept:
            assert (store.nearest(store.vectors(windows), 1)[0] > 0.99).all()
        assert store.words("sound")
    summary = heal(folder, sounds, whole)
    assert (summary.updated, summary.unchanged) == (report.recordings_to_hear, 12 - report.recordings_to_hear)


def test_repair_may_be_interrupted(made):
    folder, sounds, whole = made
    segment(folder).unlink()
    _faults.arm("repair.commit.before", "crash")
    with pytest.raises(_faults.SimulatedCrash):
        repair(folder)
    assert repair(folder).windows_lost
    heal(folder, sounds, whole)


@pytest.mark.parametrize("damage", ["dropped", "row missing", "garbage", "texts garbage", "trigger"])
def test_the_full_text_index_is_rebuilt(made, damage):
    folder, sounds, whole = made
    with Store.open(folder) as store:
        db = store.connection
        statements = {
            "dropped": "DROP TABLE names_index",
            "row missing": "DELETE FROM names_index WHERE rowid = 3",
            "garbage": "UPDATE names_index_data SET block = zeroblob(length(block)) WHERE id > 10",
            "texts garbage": "UPDATE texts_index_data SET block = zeroblob(length(block)) WHERE id > 10",
            "trigger": "DROP TRIGGER texts_insert",
        }
        db.execute(statements[damage])
    report = repair(folder)
    assert report.words_rebuilt
    assert (report.windows_lost, report.database) == (0, "")
    heal(folder, sounds, whole)


def test_a_damaged_index_is_rebuilt(made, monkeypatch):
    folder, sounds, whole = made
    monkeypatch.setattr(ann, "THRESHOLD", 20)
    with Store.open(folder) as store:
        assert store.build_index()
    (file,) = (folder / "index").glob("*.ivf")
    file.write_bytes(b"junk")
    report = repair(folder)
    assert (report.index_removed, report.index_rebuilt) == (True, True)
    heal(folder, sounds, whole)


def pages(folder, numbers):
    path = folder / schema.DATABASE
    data = bytearray(path.read_bytes())
    for number in numbers:
        data[number * 4096 : (number + 1) * 4096] = random.Random(number).randbytes(4096)
    path.write_bytes(data)
    return len(data) // 4096


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_database_gives_what_can_be_read(made, seed):
    folder, sounds, whole = made
    count = (folder / schema.DATABASE).stat().st_size // 4096
    hit = random.Random(seed).sample(range(1, count), 2)
    pages(folder, hit)
    report = repair(folder, MODEL)
    if report.database:
        assert (folder / report.kept_as).exists()
        assert "damaged" in report.lines()[1]
    with Store.open(folder) as store:
        check(store)
    heal(folder, sounds, whole)


def test_a_database_of_garbage_needs_a_model(made):
    folder, sounds, whole = made
    (folder / schema.DATABASE).write_bytes(os.urandom(50_000))
    with pytest.raises(LibraryError) as error:
        repair(folder)
    assert (error.value.kind, "--model" in error.value.hint) == ("Corrupt", True)
    assert (folder / schema.DATABASE).stat().st_size == 50_000
    report = repair(folder, MODEL)
    assert report.database
    assert heal(folder, sounds, whole).added == 12


def test_a_crash_while_a_database_is_replaced(made):
    folder, sounds, whole = made
    pages(folder, [4, 5])
    _faults.arm("repair.rename.before", "crash")
    with pytest.raises(_faults.SimulatedCrash):
        repair(folder, MODEL)
    assert repair(folder, MODEL).database
    heal(folder, sounds, whole)


def test_repair_waits_for_nobody_and_needs_a_library(made, tmp_path):
    folder, _, _ = made
    with Store.open(folder) as store, store.writing(), pytest.raises(LibraryError) as error:
        repair(folder)
    assert error.value.kind == "Busy"
    with pytest.raises(LibraryError) as error:
        repair(tmp_path)
    assert error.value.kind == "NotALibrary"
