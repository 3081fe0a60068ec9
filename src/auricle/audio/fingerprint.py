"""What identifies a file by its content, whatever its name and place."""

from __future__ import annotations

import hashlib
import os

from auricle.audio._problems import audio_error, os_problem

_READ_BYTES = 1 << 20


def content_hash(path: str | os.PathLike[str]) -> str:
    """BLAKE2b-128 of the file's bytes as 32 hex digits, read in pieces. Raises AudioError (Missing, IsFolder, Denied, Unreadable)."""
    name = os.fspath(path)
    digest = hashlib.blake2b(digest_size=16)
    try:
        if os.path.isdir(name):
            raise audio_error("IsFolder", name, "is a folder, not a file.")
        with open(name, "rb", buffering=0) as file:
            buffer = bytearray(_READ_BYTES)
            view = memoryview(buffer)
            while n := file.readinto(buffer):
                digest.update(view[:n])
    except OSError as error:
        raise os_problem(name, error) from None
    return digest.hexdigest()
