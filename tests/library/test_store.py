"""What is stored comes back: vectors, rows, words; who may open what."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_sounds import SpectrumModel, check

from auricle.errors import LibraryError, UsageError
from auricle.library import nearest, schema
from auricle.library.rows import Content, Place, Tag, Text
from auricle.library.segments import ROW_BITS
from auricle.library.store import Store
from auricle.library.writer import Writer

MODEL = SpectrumModel()


def unit(n, seed=0, dim=32):
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def content(name, **more):
    plain = {"duration": 9.0, "rate": 48000, "channels": 2, "format": "wav", "codec": "pcm_s16le", "bytes": 99}
    return Content(**{"hash": name, **plain, **more})


def put(writer, name, vectors, paths=None, tags=(), texts=(), **more):
    n = len(vectors)
    identity = writer.add_content(content(name, **more), np.arange(n) * 0.5, np.arange(n) * 0.5 + 1, vectors)
    for path in paths or [f"/sounds/{name}.wav"]:
        writer.put_recording(Place(path, 99, 1, 1, tags=tags, texts=texts), identity)
    return identity


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "library", model=MODEL) as made:
        yield made


@pytest.fixture
def filled(store):
    """20 sounds of 1 to 20 windows, in three segments."""
    with Writer(store, segment_rows=64) as writer:
        for i in range(1, 21):
            put(writer, f"sound{i}", unit(i, seed=i), tags=(Tag("name", f"sound {i}", "name"),))
    return store


def test_vectors_come_back_as_float16(filled):
    assert len(filled.layout().rows) == 3
    for _, name, _, count in filled.contents():
        ids = [w for w, _, _ in filled.windows_of(int(name.removeprefix("sound")))]
        np.testing.assert_array_equal(filled.vectors(ids), unit(count, seed=count).astype(np.float16).astype(np.float32))
    chunks = list(filled.all_vectors(chunk=7))
    np.testing.assert_array_equal(np.concatenate([ids for ids, _ in chunks]), filled.window_ids())
    np.testing.assert_array_equal(np.concatenate([v for _, v in chunks]), filled.vectors(filled.window_ids()))
    assert max(len(ids) for ids, _ in chunks) == 7
    with pytest.raises(UsageError):
        filled.vectors([999 << ROW_BITS])


def expected(vectors, ids, query, k):
    scores = vectors @ query
    order = np.lexsort((ids, -scores))[:k]
    return scores[order], ids[order]


@pytest.fixture(scope="module")
def thinned(tmp_path_factory):
    """14 sounds of 1 to 14 windows in three segments, two of them removed."""
    with Store.create(tmp_path_factory.mktemp("nearest") / "library", model=MODEL) as made:
        with Writer(made, segment_rows=50) as writer:
            for i in range(1, 15):
                put(writer, f"s{i}", unit(i, seed=i))
            for gone in (3, 9):
                writer.remove_recording(gone)
        yield made


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 9), st.booleans(), st.data())
def test_nearest_is_exact(thinned, k, queries, gather, data):
    ids = thinned.window_ids()
    drawn = data.draw(st.none() | st.lists(st.sampled_from(ids.tolist()), unique=True))
    allowed = None if drawn is None else np.array(drawn, dtype=np.int64)
    asked = unit(queries, seed=99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auricle.library.store.GATHER_ROWS", 1 << 20 if gather else -1)
        scores, found = thinned.nearest(asked, k, windows=allowed)
    pool = ids if allowed is None else np.sort(allowed)
    vectors = thinned.vectors(pool)
    assert found.shape == scores.shape == (queries, min(k, len(pool)))
    for q in range(queries):
        s, i = expected(vectors, pool, asked[q], k)
        np.testing.assert_allclose(scores[q], s, atol=1e-5)
        np.testing.assert_allclose(vectors[np.searchsorted(pool, found[q])] @ asked[q], s, atol=1e-5)
        assert len(set(found[q].tolist())) == len(i)


def test_nearest_says_what_it_wants(filled):
    with pytest.raises(UsageError, match=r"\[q, 32\]"):
        filled.nearest(np.zeros((1, 16)), 3)
    assert filled.nearest(np.zeros((0, 32)), 3)[0].shape == (0, 0)
    assert filled.nearest(unit(2), 0)[1].shape == (2, 0)


def test_an_empty_library_answers(store):
    assert store.nearest(unit(2), 5)[1].shape == (2, 0)
    assert store.words("anything") == []
    assert len(store.select("duration > 0").recordings) == 0
    assert store.stats().windows == 0


def test_copies_share_their_windows(store):
    with store.writing() as writer:
        put(writer, "twice", unit(3), ["/a/one.wav", "/b/two.wav"], tags=(Tag("name", "one", "name"),))
    assert store.stats().recordings == 2
    assert store.stats().windows == 3
    rows = store.hydrate(store.window_ids())
    assert [(r.path, r.copies, r.start, r.end) for r in rows] == [("/a/one.wav", ("/b/two.wav",), s, s + 1) for s in (0.0, 0.5, 1.0)]
    second = store.recording("/b/two.wav").id
    assert store.hydrate(store.window_ids()[:1], prefer=[second])[0].path == "/b/two.wav"
    with store.writing() as writer:
        writer.remove_recording(store.recording("/a/one.wav").id)
    assert store.hydrate(store.window_ids()[:1])[0].copies == ()
    with store.writing() as writer:
        writer.remove_recording(second)
    assert (store.stats().contents, store.stats().windows, store.stats().dead_windows) == (0, 0, 3)
    check(store)


def test_hydrate_keeps_order_and_leaves_out_what_is_gone(filled):
    ids = filled.window_ids()[[5, 3, 9]]
    assert [r.window_id for r in filled.hydrate([*ids, 1, -1])] == ids.tolist()
    row = filled.hydrate(ids)[0]
    assert (row.rate, row.channels, row.format, row.tags) == (48000, 2, "wav", (Tag("name", f"sound {row.content_id}", "name"),))


def test_hearing_again_replaces_windows(store):
    with store.writing() as writer:
        first = put(writer, "again", unit(4))
        assert put(writer, "again", unit(2, seed=5)) == first
    assert store.stats().windows == 2
    assert store.stats().dead_windows == 4
    check(store)


def test_words_know_names_tags_and_texts(store):
    with store.writing() as writer:
        put(writer, "a", unit(1), ["/lib/Rain Forest/heavyRain_onTin.wav"], tags=(Tag("artist", "Zoë Ünal", "file"),))
        put(writer, "b", unit(1), ["/lib/talks/interview.wav"], texts=(Text("the dogs were barking", 3.0, 5.5, "srt"),))
    assert [h.field for h in store.words("rain")] == ["name"]
    assert store.words("heavyrain")[0].content_id == 1
    assert store.words("zoe unal")[0].field == "tags"
    assert store.words("forest", fields=("name",)) == []
    (hit,) = store.words("dog", fields=("texts",))
    assert (hit.content_id, hit.start, hit.end, hit.snippet) == (2, 3.0, 5.5, "the [dogs] were barking")
    assert store.words("rain banana", match="all") == []
    assert len(store.words(["heavy rain"])) == 1
    assert store.words(["rain heavy"]) == []


@settings(max_examples=150, deadline=None)
@given(st.text() | st.lists(st.text(), max_size=4))
def test_any_text_is_a_fair_question(shared_store, terms):
    for hit in shared_store.words(terms):
        assert hit.score == hit.score


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    with Store.create(tmp_path_factory.mktemp("shared") / "library", model=MODEL) as made:
        with made.writing() as writer:
            put(writer, "a", unit(1), ["/x/NEAR OR NOT (a* AND b).wav"], texts=(Text('say "hello" NEAR(me)'),))
        yield made


@pytest.mark.parametrize("terms", ['"', "NOT", "a*", "name:x", "NEAR(a b)", "^x", "(", "-x", "{name} : x", "'; DROP TABLE recordings --"])
def test_fts_syntax_is_only_words(shared_store, terms):
    shared_store.words(terms)
    assert shared_store.words("NEAR")
    assert shared_store.stats().recordings == 1


def test_paths_need_not_be_utf8(store):
    path = os.fsdecode(b"/sounds/caf\xe9.wav")
    with store.writing() as writer:
        put(writer, "x", unit(1), [path])
    assert store.recording(path).path == path
    assert store.hydrate(store.window_ids())[0].path == path
    assert store.words("caf")


def test_readers_see_commits_and_only_those(filled):
    with Store.open(filled.folder, readonly=True) as reader:
        before = reader.nearest(unit(1), 1000)[1]
        with filled.writing() as writer:
            put(writer, "new", unit(1, seed=77))
            assert reader.stats().windows == before.shape[1]
            assert reader.nearest(unit(1), 1000)[1].shape == before.shape
            writer.commit()
            assert reader.nearest(unit(1, seed=77), 1)[0][0, 0] > 0.999
            writer.remove_recording(filled.recording("/sounds/new.wav").id)
        assert reader.nearest(unit(1, seed=77), 1)[0][0, 0] < 0.99
        with pytest.raises(LibraryError) as error:
            reader.writing()
        assert error.value.kind == "ReadOnly"


def test_a_store_serves_threads(filled):
    results, errors = [], []

    def ask(seed):
        try:
            for _ in range(20):
                _, ids = filled.nearest(unit(1, seed=seed), 5)
                filled.hydrate(ids[0])
                results.append(len(filled.words(f"sound {seed}")))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert len(results) == 80


def test_an_interrupted_unit_is_undone_and_the_batch_kept(store):

    def interrupted():
        with store.writing() as writer:
            put(writer, "whole", unit(2))
            with writer.unit():
                writer.add_content(content("half"), [0.0], [1.0], unit(1, seed=8))
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with Store.open(store.folder) as again:
        assert [name for _, name, _, _ in again.contents()] == ["whole"]
        check(again)


def test_bad_vectors_are_refused(store):
    with store.writing() as writer:
        for bad in (unit(2) * np.nan, unit(3), unit(2, dim=16)):
            with pytest.raises(ValueError):
                writer.add_content(content("bad"), [0.0, 0.5], [1.0, 1.5], bad)
    assert store.stats().contents == 0


def kind_of(call):
    with pytest.raises(LibraryError) as error:
        call()
    assert error.value.hint
    return error.value.kind


def test_what_is_no_library(tmp_path):
    assert kind_of(lambda: Store.open(tmp_path / "nothing")) == "NotALibrary"
    (tmp_path / "empty").mkdir()
    assert kind_of(lambda: Store.open(tmp_path / "empty")) == "NotALibrary"
    other = tmp_path / "other"
    other.mkdir()
    sqlite3.connect(other / schema.DATABASE).execute("CREATE TABLE t (x)").connection.close()
    assert kind_of(lambda: Store.open(other)) == "NotALibrary"
    (other / schema.DATABASE).write_bytes(b"not a database, not at all" * 200)
    assert kind_of(lambda: Store.open(other)) == "Corrupt"


def test_create_does_not_take_over_a_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        Store.create(tmp_path, model=MODEL)
    with pytest.raises(UsageError, match="not a folder"):
        Store.create(tmp_path / "notes.txt", model=MODEL)


def test_versions_and_models(filled):
    filled.check_model(MODEL)
    assert kind_of(lambda: filled.check_model(SpectrumModel(name="other@2", pipeline_id="other@2:1"))) == "OtherModel"
    with sqlite3.connect(filled.folder / schema.DATABASE) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    assert kind_of(lambda: Store.open(filled.folder)) == "Newer"


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_damaged_segments_are_said(filled, damage):
    path = filled.folder / "vectors" / "000002.f16"
    path.unlink() if damage == "missing" else os.truncate(path, 100)
    with Store.open(filled.folder) as again:
        assert kind_of(lambda: again.nearest(unit(1), 1)) == "Corrupt"


def test_a_missing_index_table_is_said(filled):
    filled.connection.execute("DROP TABLE names_index")
    assert kind_of(lambda: filled.words("sound")) == "Corrupt"


def test_one_writer_at_a_time(filled, tmp_path):
    with filled.writing(), Store.open(filled.folder) as second:
        with pytest.raises(LibraryError, match=f"pid {os.getpid()}") as error:
            second.writing()
        assert error.value.kind == "Busy"
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        assert kind_of(lambda: second.writing(wait=True, stop=stop)) == "Busy"
    filled.writing().close()


def test_a_waiting_writer_gets_its_turn(filled):
    first = filled.writing()
    threading.Timer(0.3, first.close).start()
    with Store.open(filled.folder) as second, second.writing(wait=True) as writer:
        put(writer, "late", unit(1))
    assert filled.recording("/sounds/late.wav").windows == 1


def test_leftover_bytes_are_cut(filled):
    path = filled.folder / "vectors" / "000003.f16"
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"x" * 777)
    stray = filled.folder / "vectors" / "000009.f16"
    stray.write_bytes(b"y" * 64)
    filled.writing().close()
    assert path.stat().st_size == size
    assert not stray.exists()
    check(filled)


def test_a_read_only_folder_can_be_searched(filled, tmp_path):
    """As on a medium that cannot be written: no journal may appear beside the database."""
    filled.close()
    place = tmp_path / "medium"
    shutil.copytree(filled.folder, place)
    script = (
        "import mmap, os, sys, faiss\n"
        "from auricle.library.store import Store\n"
        "os.setuid(65534) if os.getuid() == 0 else None\n"  # the superuser may write anywhere
        "with Store.open(sys.argv[1], readonly=True) as s:\n"
        "    print(s.stats().windows, len(s.words('sound')), s.nearest([[1.0] * 32], 2)[1].shape)"
    )
    for folder, _, files in os.walk(place):
        os.chmod(folder, 0o555)
        for file in files:
            os.chmod(os.path.join(folder, file), 0o444)
    for parent in [place, *place.parents]:
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False)
    for folder, _, _ in os.walk(place):
        os.chmod(folder, 0o755)
    assert done.stdout.split(" ", 1)[0] == "210", done.stderr
    assert "(1, 2)" in done.stdout


def test_fp16_codes_are_the_stored_rows():
    """FAISS' own encoder writes the very bytes that a segment holds."""
    import faiss

    vectors = unit(50)
    own = faiss.IndexScalarQuantizer(32, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    own.add(vectors)
    stored = vectors.astype("<f2")
    assert faiss.vector_to_array(own.codes).tobytes() == stored.tobytes()
    index = nearest.fp16_view(stored)
    np.testing.assert_array_equal(index.search(vectors, 5)[1], own.search(vectors, 5)[1])
