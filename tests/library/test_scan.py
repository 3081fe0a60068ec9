"""What the walk finds, skips and survives."""

from __future__ import annotations

import os
import stat

import pytest

from auricle.library import scan as scanning
from auricle.library.scan import scan

SUFFIXES = {".wav", ".flac"}


def make(folder, *names):
    for name in names:
        path = os.path.join(os.fsencode(folder), name if isinstance(name, bytes) else name.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")


def names(result, folder):
    return [os.path.relpath(f.path, folder) for f in result.found]


def test_finds_by_suffix_in_order(tmp_path):
    make(tmp_path, "b.WAV", "a/z.flac", "a/a.wav", "notes.md", ".hidden.wav", ".git/x.wav", "._a.wav", "c.mp3")
    result = scan([tmp_path], suffixes=SUFFIXES)
    assert names(result, tmp_path) == ["a/a.wav", "a/z.flac", "b.WAV"]
    assert result.skipped == 2
    assert not result.problems
    status = os.stat(tmp_path / "b.WAV")
    found = result.found[-1]
    assert (found.size, found.mtime_ns, found.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path):
    make(tmp_path, "sound.bin", "sound.srt", "x.wav")
    result = scan([tmp_path / "sound.bin", tmp_path / "x.wav", tmp_path / "x.wav"], suffixes=SUFFIXES)
    assert names(result, tmp_path) == ["sound.bin", "x.wav"]
    assert [os.path.basename(p) for p, _, _ in result.found[0].sidecars] == ["sound.srt"]


def test_overlapping_roots_give_each_file_once(tmp_path):
    make(tmp_path, "a/x.wav", "a/b/y.wav")
    result = scan([tmp_path / "a" / "b", tmp_path / "a", tmp_path / "a" / "x.wav"], suffixes=SUFFIXES)
    assert names(result, tmp_path) == ["a/b/y.wav", "a/x.wav"]


def test_sidecars(tmp_path):
    make(tmp_path, "x.wav", "x.srt", "x.wav.VTT", "x.json", "other.txt", "y.wav")
    result = scan([tmp_path], suffixes=SUFFIXES)
    x, y = result.found
    assert [os.path.basename(p) for p, _, _ in x.sidecars] == ["x.json", "x.srt", "x.wav.VTT"]
    assert y.sidecars == ()
    assert result.skipped == 1
    before = x.signature
    os.utime(tmp_path / "x.srt", ns=(1, 1))
    assert scan([tmp_path], suffixes=SUFFIXES).found[0].signature != before


def test_links_are_followed_once_and_loops_end(tmp_path):
    make(tmp_path, "tree/real/x.wav", "tree/elsewhere/y.wav")
    tree = tmp_path / "tree"
    (tree / "real" / "loop").symlink_to(tree / "real", target_is_directory=True)
    (tree / "real" / "up").symlink_to(tree, target_is_directory=True)
    assert names(scan([tree / "real"], suffixes=SUFFIXES), tree) == ["real/up/elsewhere/y.wav", "real/x.wav"]


def test_a_linked_folder_is_walked_once(tmp_path):
    make(tmp_path, "real/x.wav", "elsewhere/y.wav")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "root" / "again").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "root" / "file.wav").symlink_to(tmp_path / "real" / "x.wav")
    assert names(scan([tmp_path / "root"], suffixes=SUFFIXES), tmp_path) == ["root/again/y.wav", "root/file.wav"]


def test_broken_links_are_said(tmp_path):
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    (tmp_path / "self.wav").symlink_to(tmp_path / "self.wav")
    make(tmp_path, "fine.wav")
    result = scan([tmp_path], suffixes=SUFFIXES)
    assert names(result, tmp_path) == ["fine.wav"]
    said = {os.path.basename(p.path): (p.kind, p.message.rsplit(": ", 1)[1]) for p in result.problems}
    assert said == {
        "gone.wav": ("Missing", "a symbolic link to nothing."),
        "self.wav": ("Missing", "a symbolic link that leads to itself."),
    }


def test_missing_and_empty_roots(tmp_path):
    (tmp_path / "empty").mkdir()
    result = scan([tmp_path / "gone", tmp_path / "empty"], suffixes=SUFFIXES)
    assert [(r.state, r.is_file) for r in result.roots] == [("missing", True), ("empty", False)]
    assert [p.kind for p in result.problems] == ["Missing"]


def test_denied_folders_are_said_and_the_walk_goes_on(tmp_path, monkeypatch):
    make(tmp_path, "a/x.wav", "b/y.wav")
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(scanning.os, "scandir", scandir)  # the superuser may read everything
    result = scan([tmp_path], suffixes=SUFFIXES)
    assert names(result, tmp_path) == ["b/y.wav"]
    assert [(p.kind, os.path.basename(p.path)) for p in result.problems] == [("Denied", "a")]
    assert result.roots[0].state == "present"


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe.wav").st_mode)
    result = scan([tmp_path], suffixes=SUFFIXES)
    assert [p.kind for p in result.problems] == ["NotAudio"]


def test_names_need_not_be_utf8(tmp_path):
    make(tmp_path, b"caf\xe9.wav", b"caf\xe9.srt", b"\xff/z.wav")
    result = scan([tmp_path], suffixes=SUFFIXES)
    assert [os.fsencode(n) for n in names(result, tmp_path)] == [b"caf\xe9.wav", b"\xff/z.wav"]
    assert len(result.found[0].sidecars) == 1
    result.found[0].signature.encode()


def test_the_library_itself_is_not_entered(tmp_path):
    make(tmp_path, "x.wav", "library/vectors/y.wav")
    assert names(scan([tmp_path], suffixes=SUFFIXES, exclude=tmp_path / "library"), tmp_path) == ["x.wav"]


@pytest.mark.parametrize("given", [".", "sub/..", "~"])
def test_paths_are_made_absolute(tmp_path, monkeypatch, given):
    make(tmp_path, "x.wav", "sub/y.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [f.path for f in scan([given], suffixes=SUFFIXES).found] == [str(tmp_path / "x.wav")]
