"""Names that mean the same are found, with the sentence encoder that ships; phrases follow the recordings."""

from __future__ import annotations

import shutil

import pytest

from auricle.demo import SOUNDS
from auricle.library.library import Library
from auricle.library.phrases import phrase_of


@pytest.mark.parametrize(
    ("name", "tags", "phrase"),
    [("cat meow 03", "", "cat meow"), ("REC 0001", "Night · forest", "rec Night, forest"), ("0001", "", ""), ("a b dog", "", "dog")],
)
def test_phrase_of(name, tags, phrase):
    assert phrase_of(name, tags) == phrase


@pytest.fixture
def library(tmp_path):
    for name in ("animals/cow.flac", "animals/sheep.flac", "town/car horn.flac"):
        shutil.copy(SOUNDS / name, tmp_path / name.split("/")[1])
    with Library(tmp_path / "library") as library:
        library.index([tmp_path])
        yield library


def test_synonyms_find_names(library):
    hits = library.search("cattle", sources=["words"])
    assert hits[0].path.endswith("cow.flac")
    assert hits[0].parts["words"] > 0.3
    assert library.search("honking vehicle", sources=["words"])[0].path.endswith("car horn.flac")


def test_phrases_follow_recordings(library, tmp_path):
    def phrases():
        return {p for (p,) in library.store.connection.execute("SELECT phrase FROM phrases WHERE vector IS NOT NULL")}

    before = phrases()
    assert {"cow", "sheep", "car horn"} == before
    (tmp_path / "cow.flac").rename(tmp_path / "bull in a stable.flac")
    library.index([tmp_path])
    assert phrases() == {"bull in stable", "sheep", "car horn"}
    (tmp_path / "sheep.flac").unlink()
    library.index([tmp_path], prune=True)
    assert phrases() == {"bull in stable", "car horn"}


def test_words_that_ask_for_speech_are_not_looked_for_in_what_is_said():
    from auricle.library.matching import spoken_terms

    assert spoken_terms("someone talking about the weather") == ["weather"]
    assert spoken_terms("a woman speaking") == ["woman", "speaking"]
