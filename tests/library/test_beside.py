"""Another model beside the old, then the switch; a crash between two renames loses nothing."""

from __future__ import annotations

import threading

import pytest

import auricle
from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import beside, tagging
from auricle.library.store import Store
from library.library_sounds import write_tone
from models.making import clap_bundle


@pytest.fixture
def made(tmp_path):
    for i in range(3):
        write_tone(tmp_path / "sounds" / f"tone {i}.wav", 2.0, 200.0 + 100 * i, seed=i)
    clap_bundle(tmp_path / "clap")
    with auricle.Library(tmp_path / "my.library") as library:
        library.index([tmp_path / "sounds"])
        tagging.change(library.store, [next(library.store.recordings()).id], add=["mine"])
    return tmp_path / "my.library", str(tmp_path / "clap")


def model_of(path):
    with Store.open(path) as store:
        return store.model.partition("@")[0], store.stats().recordings, [value for value, _ in tagging.given(store)]


def test_hear_again_switch_and_back(made):
    path, clap = made
    assert beside.state(path) == (None, "none")
    summary = beside.reindex(path, clap)
    assert summary.recordings == 3
    assert beside.state(path)[1] == "ready"
    assert model_of(path) == ("tiny-towers", 3, ["mine"])
    beside.switch(path)
    assert model_of(path) == ("small-clap", 3, ["mine"])
    assert beside.state(path)[1] == "previous"
    with auricle.Library(path) as library:
        tagging.change(library.store, [next(library.store.recordings()).id], add=["later"])
    beside.switch(path)
    assert model_of(path) == ("tiny-towers", 3, ["later", "mine"])


def test_a_run_cut_short_is_no_copy_to_switch_to(made):
    path, clap = made
    stop = threading.Event()
    stop.set()
    beside.reindex(path, clap, stop=stop)
    assert beside.state(path)[1] == "partial"
    beside.reindex(path, clap)
    assert beside.state(path)[1] == "ready"


@pytest.mark.parametrize("point", ["switch.parked", "switch.moved"])
def test_a_crash_between_two_renames(made, point):
    path, clap = made
    beside.reindex(path, clap)
    _faults.arm(point, "crash")
    with pytest.raises(_faults.SimulatedCrash):
        beside.switch(path)
    beside.recover(path)
    found = {model_of(path)[0], model_of(beside.folder(path))[0]}
    assert found == {"tiny-towers", "small-clap"}
    assert not path.with_name("my.library.switching").exists()


def test_nothing_to_switch_to(made):
    with pytest.raises(LibraryError) as error:
        beside.switch(made[0])
    assert error.value.kind == "NotFound"
