"""Captions in a library: kept with the texts, found by search, replaced when said anew, and carried where the library goes."""

from __future__ import annotations

import shutil

import pytest

import auricle
from auricle import _faults
from auricle.errors import AudioError, LibraryError, ModelError
from auricle.library import beside, said
from auricle.library.rows import Text
from auricle.library.store import Store
from library.library_sounds import check
from models.making import clap_bundle
from tasks.speaking_models import DOG, RAIN, heard, say, silence, written

# Words that no name of a file holds: what finds them read a caption.
SPEAKER = say("A dog barks while a violin plays.")


@pytest.fixture
def library(tmp_path):
    (tmp_path / "sounds").mkdir()
    written(tmp_path / "sounds" / "A.wav", silence(6), heard(DOG, 6))
    written(tmp_path / "sounds" / "B.wav", heard(RAIN, 6))
    (tmp_path / "sounds" / "A.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nsaid by hand\n")
    with auricle.Library(tmp_path / "my.library") as library:
        library.index([tmp_path / "sounds"])
        yield library


def texts(library, name="A.wav"):
    recording = library.store.recording(str(library.path.parent / "sounds" / name))
    return [(text.start, text.text, text.source) for text in recording.texts]


def test_what_is_said_is_kept_and_found(library, tmp_path):
    path = str(tmp_path / "sounds" / "A.wav")
    assert library.search("barks", sources=["texts"]) == []
    found = library.caption(path, SPEAKER)
    assert [one.caption for one in found] == ["nothing is heard", "A dog barks."]
    assert texts(library) == [(1.0, "said by hand", "srt"), (6.0, "A dog barks.", "caption")]
    (hit, *_) = library.search("barks", sources=["texts"])
    assert (hit.path, hit.why) == (path, {"texts": "A dog barks."})
    assert hit.start > 0
    assert library.search("violin", sources=["texts"]) == []  # dropped: nothing supports it
    check(library.store)


def test_said_anew_it_is_replaced(library, tmp_path):
    path = str(tmp_path / "sounds" / "A.wav")
    library.caption(path, SPEAKER)
    library.caption(library.store.recording(path).id, say("a dog growls"), keep_unsupported=True)
    assert [text for _, text, source in texts(library) if source == "caption"] == ["a dog growls"]
    assert library.search("barks", sources=["texts"]) == []
    library.index([tmp_path / "sounds"])
    assert len(texts(library)) == 2
    check(library.store)


def test_a_file_heard_again_keeps_its_captions_and_another_sound_has_none(library, tmp_path):
    path = tmp_path / "sounds" / "A.wav"
    library.caption(str(path), SPEAKER)
    shutil.move(path, tmp_path / "sounds" / "C.wav")
    library.index([tmp_path / "sounds"])
    assert texts(library, "C.wav") == [(6.0, "A dog barks.", "caption")]
    written(tmp_path / "sounds" / "C.wav", heard(RAIN, 5))
    library.index([tmp_path / "sounds"])
    assert texts(library, "C.wav") == []
    check(library.store)


def test_what_is_cut_short_replaces_nothing(library, tmp_path):
    path = str(tmp_path / "sounds" / "A.wav")
    library.caption(path, SPEAKER)

    def breaks(sounds, prompt):
        raise ModelError("Network", "the server hung up.")

    with pytest.raises(ModelError):
        library.caption(path, type(SPEAKER)(breaks))
    stream = library.caption_stream(path, say("a dog growls"))
    next(stream)
    stream.close()
    _faults.arm("said.before", "enospc")
    with pytest.raises((LibraryError, OSError), match=r"[Ss]pace"):
        said.put_captions(library.store, library.store.recording(path).id, [Text("a dog growls", 0.0, 1.0)])
    assert _faults.disarm() == []
    assert [text for _, text, source in texts(library) if source == "caption"] == ["A dog barks."]


def test_captions_go_where_the_library_goes(library, tmp_path):
    library.caption(str(tmp_path / "sounds" / "A.wav"), SPEAKER)
    library.close()
    clap_bundle(tmp_path / "clap")
    beside.reindex(library.path, str(tmp_path / "clap"))
    beside.switch(library.path)
    with Store.open(library.path) as store:
        assert store.model.startswith("small-clap")
        (one,) = store.query("SELECT start, text FROM texts WHERE source = 'caption'")
        assert one == (6.0, "A dog barks.")
    beside.switch(library.path)
    with Store.open(library.path) as store:
        assert store.query("SELECT count(*) FROM texts WHERE source = 'caption'") == [(1,)]


def test_what_the_library_lacks(library, tmp_path):
    with pytest.raises(LibraryError, match="not in the library") as error:
        library.caption(str(DOG), SPEAKER)
    assert error.value.kind == "NotFound"
    (tmp_path / "sounds" / "B.wav").unlink()
    with pytest.raises(AudioError):
        library.caption(str(tmp_path / "sounds" / "B.wav"), SPEAKER)
    with pytest.raises(LibraryError, match="not in this library"):
        said.put_captions(library.store, 99, [Text("a dog", 0.0, 1.0)])
