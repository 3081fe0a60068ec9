"""Filters, pages and facets against the plain list of recordings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auricle
from auricle.errors import UsageError
from auricle.library import browse
from auricle.library.browse import DURATIONS, Filter
from library.library_sounds import write_tone


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browse")
    for i, (where, seconds) in enumerate(
        [("a", 0.5), ("a", 2.0), ("a/deep", 6.0), ("ab", 2.0), ("b", 31.0), ("b", 0.7), ("b/100%_x", 4.0)]
    ):
        path = folder / "sounds" / where / f"Tone {i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tone(path, seconds, 200.0 + 50 * i, seed=i)
    with auricle.Library(folder / "library") as library:
        library.index([folder / "sounds"])
        yield library.store


def expected(store, chosen):
    def fits(r):
        folder = r.path.rpartition("/")[0]
        return (
            (not chosen.folder or any(folder == f.rstrip("/") or folder.startswith(f.rstrip("/") + "/") for f in chosen.folder))
            and (not chosen.format or r.format in chosen.format)
            and (not chosen.rate or r.rate in chosen.rate)
            and (chosen.min_duration is None or r.duration >= chosen.min_duration)
            and (chosen.max_duration is None or r.duration < chosen.max_duration)
            and (not chosen.name or chosen.name.casefold() in r.path.rpartition("/")[2].casefold())
        )

    return {r.id for r in store.recordings() if fits(r)}


def root(store):
    return next(iter(store.recordings())).path.split("/sounds/")[0] + "/sounds"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_filter_chooses_what_it_says(store, data):
    folders = [root(store) + "/" + f for f in ("a", "ab", "b", "b/100%_x", "a/", "none")]
    chosen = Filter(
        folder=data.draw(st.lists(st.sampled_from(folders), max_size=2)),
        format=data.draw(st.lists(st.sampled_from(["wav", "flac"]), max_size=2)),
        rate=data.draw(st.lists(st.sampled_from([8000, 44100, 10**30]), max_size=2)),
        min_duration=data.draw(st.none() | st.floats(0, 40)),
        max_duration=data.draw(st.none() | st.floats(0, 40)),
        name=data.draw(st.none() | st.sampled_from(["tone", "TONE 3", "x"])),
    )
    want = expected(store, chosen)
    rows, total = browse.page(store, chosen, limit=100)
    assert {r.id for r in rows} == want
    assert total == browse.facets(store, chosen).total == len(want)


def test_pages_are_parts_of_one_order(store):
    for sort in (*browse.SORTS, *(f"-{s}" for s in browse.SORTS)):
        whole = [r.id for r in browse.page(store, Filter(), sort=sort, limit=100)[0]]
        parts = [r.id for at in range(0, 7, 2) for r in browse.page(store, Filter(), sort=sort, offset=at, limit=2)[0]]
        assert parts == whole
    with pytest.raises(UsageError, match="sort"):
        browse.page(store, Filter(), sort="mood")


def test_every_facet_counts_what_it_would_leave(store):
    at = root(store)
    chosen = Filter(folder=[f"{at}/b"], min_duration=0.6)
    facets = browse.facets(store, chosen)
    for value, n in facets.fields["folder"]:
        assert n == browse.page(store, Filter(folder=[value], min_duration=0.6))[1]
    for value, n in facets.fields["duration"]:
        low, _, high = value.partition("-")
        both = Filter(folder=[f"{at}/b"], min_duration=float(low), max_duration=float(high) if high else None)
        assert n == browse.page(store, both)[1]
    assert len(DURATIONS) + 1 >= len(facets.fields["duration"])


def test_where_joins_the_rest(store):
    assert browse.page(store, Filter(where="duration > 5", name="tone"))[1] == 2
    with pytest.raises(UsageError):
        browse.page(store, Filter(where="mood = good"))
