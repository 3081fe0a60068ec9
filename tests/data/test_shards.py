"""WebDataset shards: the same bytes each time, no pickle, no way out, damage told."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from datasounds import put, tone

from auricle.data import Item, open_audio, read
from auricle.data.tars import index, member_bytes
from auricle.data.webdataset import bytes_hash, read_samples, shards_of, write_shards
from auricle.errors import AudioError, DataError, UsageError


def sounds(tmp_path, n=5):
    for i in range(n):
        path = put(tmp_path / f"in/{i}.wav", 0.1 + i / 100)
        yield Item(f"odd id/{i}.x", captions=(f"sound {i}",), extra={"n": i}), str(path)
    yield Item("text only", captions=("no sound",)), None


def tar(path, **members):
    with tarfile.open(path, "w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return str(path)


def wav():
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, *tone(), format="WAV")
    return file.getvalue()


def test_shards_read_back_and_are_the_same_each_time(tmp_path):
    first = write_shards(tmp_path / "a.tar", sounds(tmp_path))
    write_shards(tmp_path / "b.tar", sounds(tmp_path))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    items = list(read(first[0]))
    assert [i.captions for i in items] == [i.captions for i, _ in sounds(tmp_path)]
    assert items[3].id == "odd id/3.x"
    assert items[3].hash == bytes_hash((tmp_path / "in/3.wav").read_bytes())
    assert open_audio(items[3], tmp_path).duration == pytest.approx(0.13)
    assert items[-1].audio is None
    with tarfile.open(first[0]) as file:  # others read them, too
        assert len(file.getnames()) == 11


def test_shards_are_cut_by_size(tmp_path):
    paths = write_shards(str(tmp_path / "s-%03d.tar"), sounds(tmp_path), max_bytes=8000)
    assert len(paths) > 1
    names = shards_of(str(tmp_path / f"s-{{000..{len(paths) - 1:03d}}}.tar"))
    assert names == [str(p) for p in paths] == shards_of(str(tmp_path))
    assert [item.extra.get("n") for p in names for item in read(p)] == [0, 1, 2, 3, 4, None]


def test_shards_of_others(tmp_path):
    path = tar(
        tmp_path / "o.tar", a_dot_wav=wav(), a_dot_txt=b"a dog barks\n", b_dot_wav=wav(),
        b_dot_json=b'{"text": ["one", "two"], "tag": ["dog"], "n": 1}',
        c_dot_wav=wav(), c_dot_cls=b"cat",
    )  # fmt: skip
    a, b, c = read(path)
    assert (a.captions, b.captions, b.labels, b.extra, c.labels) == (("a dog barks",), ("one", "two"), ("dog",), {"n": 1}, ("cat",))
    packed = tmp_path / "o.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "o.tar").read_bytes()))
    assert [item.captions for item, _ in read_samples(str(packed))] == [a.captions, b.captions, ()]


def test_what_is_refused(tmp_path):
    with pytest.raises(DataError, match="may hold a pickle"):
        list(read(tar(tmp_path / "p.tar", a_dot_wav=wav(), a_dot_pyd=b"\x80\x04N.")))
    with pytest.raises(DataError, match="leaves the shard"):
        list(read(tar(tmp_path / "q.tar", **{"..__a_dot_wav": wav()})))
    with pytest.raises(DataError, match="not relative to the shard"):
        list(read(tar(tmp_path / "r.tar", __a_dot_wav=wav())))
    with pytest.raises(UsageError, match="files on this machine"):
        shards_of("pipe:cat x.tar")
    with pytest.raises(DataError, match="no such shard"):
        shards_of(str(tmp_path / "none-{00..01}.tar"))
    with tarfile.open(tmp_path / "l.tar", "w") as file:
        link = tarfile.TarInfo("a.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    with pytest.raises(DataError, match="a link or device"):
        list(read(tmp_path / "l.tar"))


@pytest.mark.parametrize("left", [100, 700, 3000, -600, -512])
def test_a_truncated_shard_is_damaged(tmp_path, left):
    whole = write_shards(tmp_path / "a.tar", sounds(tmp_path))[0].read_bytes()
    end = len(whole) - 1024  # of what is said before the mark of the end
    (tmp_path / "t.tar").write_bytes(whole[: left if left > 0 else end + 1024 + left - 512])
    with pytest.raises(DataError) as damaged:
        list(read(tmp_path / "t.tar"))
    assert damaged.value.kind == "Damaged"
    (tmp_path / "t.tar.gz").write_bytes(gzip.compress(whole)[:-40])
    with pytest.raises(DataError, match="was damaged"):
        list(read_samples(str(tmp_path / "t.tar.gz")))


def test_a_flipped_header_is_damaged(tmp_path):
    data = bytearray(write_shards(tmp_path / "a.tar", sounds(tmp_path))[0].read_bytes())
    data[126] ^= 1
    (tmp_path / "f.tar").write_bytes(data)
    with pytest.raises(DataError, match="no header of a tar at byte 0"):
        list(read(tmp_path / "f.tar"))


def test_one_bad_sample_is_named_and_passed_over(tmp_path):
    path = tar(tmp_path / "b.tar", a_dot_json=b'{"id": "a", "captions": ["..."]}', b_dot_json=b'{"id": "b"}')
    told = []
    assert [item.id for item in read(path, broken=told.append)] == ["b"]
    assert "b.tar#a: captions[0] has no words" in str(told[0])


def test_an_unreadable_clip_names_shard_and_member(tmp_path):
    path = tar(tmp_path / "u.tar", a_dot_wav=b"RIFF no sound")
    with pytest.raises(AudioError, match=r"u\.tar#a\.wav") as wrong:
        open_audio(next(read(path)), tmp_path)
    assert wrong.value.path.endswith("u.tar#a.wav")


def test_long_names_and_dots(tmp_path):
    name = "d" * 90 + "/" + "n" * 150 + ".wav"
    with tarfile.open(tmp_path / "g.tar", "w", format=tarfile.GNU_FORMAT) as gnu, tarfile.open(tmp_path / "x.tar", "w") as pax:
        for file in (gnu, pax):
            info = tarfile.TarInfo("./" + name)
            info.size = 3
            file.addfile(info, io.BytesIO(b"abc"))
    for tar_name in ("g.tar", "x.tar"):
        assert list(index(str(tmp_path / tar_name))) == [name]
        assert member_bytes(str(tmp_path / tar_name), name) == b"abc"
    with pytest.raises(DataError, match="holds no 'b'"):
        member_bytes(str(tmp_path / "g.tar"), "b")


@pytest.mark.data
def test_a_real_tar(data):
    assert len(index(str(data / "fsdd.tar"))) == 3000
    assert open_audio(Item("x", audio="fsdd.tar#9_theo_13.wav"), data).rate == 8000
