"""Tags that people give: found at once, taken back exactly, kept when a library is indexed again or switched."""

from __future__ import annotations

import shutil
import threading
import time

import pytest

import auricle
from auricle import _faults
from auricle.errors import LibraryError, UsageError
from auricle.library import tagging
from library.library_sounds import check, write_tone


@pytest.fixture
def library(tmp_path):
    for i in range(4):
        write_tone(tmp_path / "sounds" / f"tone {i}.wav", 1.5, 200.0 + 100 * i, seed=i)
    with auricle.Library(tmp_path / "library") as library:
        library.index([tmp_path / "sounds"])
        yield library


def ids(library):
    return [r.id for r in library.store.recordings()]


def names(hits):
    return {hit.path.rpartition("/")[2] for hit in hits}


def test_a_tag_is_found_by_word_and_by_meaning(library):
    one, *_ = ids(library)
    tagging.change(library.store, [one], add=["kitten"], model=library.model)
    assert names(library.search("kitten", sources=["words"])[:1]) == {"tone 0.wav"}
    assert names(library.search("small cat", sources=["words"])[:1]) == {"tone 0.wav"}
    assert tagging.given(library.store) == [("kitten", 1)]
    assert len(library.search("dog", where="tag = kitten")) == 1
    check(library.store)


def test_what_changed_is_told_exactly(library):
    one, two, three, _ = sorted(ids(library))
    tagging.change(library.store, [one], add=["Rain"])
    (change,) = tagging.change(library.store, [one, two, three], add=["rain"])
    assert change.added == (two, three)
    (taken,) = tagging.change(library.store, [one, two], remove=["RAIN"])
    assert taken.removed == (one, two)
    assert tagging.given(library.store) == [("rain", 1)]
    assert tagging.change(library.store, [one], remove=["never given"]) == []


@pytest.mark.parametrize("bad", ["", "   ", "\x00", "x" * 300])
def test_tags_that_are_none(library, bad):
    with pytest.raises(UsageError):
        tagging.change(library.store, ids(library), add=[bad])


def test_an_unknown_recording_changes_nothing(library):
    with pytest.raises(LibraryError) as error:
        tagging.change(library.store, [*ids(library), 999], add=["rain"])
    assert error.value.kind == "NotFound"
    assert tagging.given(library.store) == []


def test_all_or_nothing(library):
    _faults.arm("tagging.before", "enospc")
    with pytest.raises(LibraryError) as error:
        tagging.change(library.store, ids(library), add=["rain"])
    assert error.value.kind == "DiskFull"
    assert tagging.given(library.store) == []
    check(library.store)


def test_a_tag_does_not_wait_for_a_long_index_run(library):
    store = library.store
    began, release = threading.Event(), threading.Event()

    def write():
        with auricle.Library(library.path) as other, other.store.writing() as writer:
            with writer.unit():
                writer.forget_failure("/nowhere")
            began.set()
            time.sleep(0.3)
            writer.commit()  # as every batch ends
            release.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    began.wait(10)
    tagging.change(store, ids(library)[:1], add=["in between"])  # the writer's lock is still held
    assert tagging.given(store) == [("in between", 1)]
    release.set()
    thread.join()


def test_tags_survive_a_new_run_a_move_and_a_copy(library, tmp_path):
    one = ids(library)[0]
    tagging.change(library.store, [one], add=["mine"])
    shutil.move(tmp_path / "sounds" / "tone 0.wav", tmp_path / "sounds" / "renamed.wav")
    library.index([tmp_path / "sounds"])
    assert [t.value for t in library.store.recording(one).tags if t.source == "user"] == ["mine"]
    with auricle.Library(tmp_path / "other") as other:
        other.index([tmp_path / "sounds"])
        assert tagging.copy(library.store, other.store) == 1
        assert tagging.copy(library.store, other.store) == 0
        assert names(other.search("mine", sources=["words"])[:1]) == {"renamed.wav"}
