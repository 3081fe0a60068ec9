"""Many windows at once, without sound: what measures of speed and size stand on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from auricle.library.names import index_fields
from auricle.library.segments import checksum, to_stored
from auricle.library.store import now
from auricle.library.writer import Writer


def bulk_insert(
    writer: Writer,
    vectors: npt.NDArray[np.floating],
    *,
    windows_per_recording: int = 24,
    path: Callable[[int], str] = lambda i: f"/fabricated/{i // 1000:04d}/recording {i:07d}.wav",
) -> int:
    """Fabricate recordings that hold ``vectors`` ``[n, d]``, and commit. Gives how many. ``path``: of the i-th of this call."""
    store = writer.store
    hop, seconds = store.windowing.hop, store.windowing.seconds
    made = 0
    with writer.unit():
        db = writer.db
        content = db.execute("SELECT coalesce(max(id), 0) FROM contents").fetchone()[0]
        recording = db.execute("SELECT coalesce(max(id), 0) FROM recordings").fetchone()[0]
        contents, recordings, windows, names = [], [], [], []
        for at in range(0, len(vectors), windows_per_recording):
            stored = to_stored(vectors[at : at + windows_per_recording])
            content, recording = content + 1, recording + 1
            n, first = len(stored), writer._appender.append(stored)
            duration = (n - 1) * hop + seconds
            digest = hashlib.blake2b(stored.tobytes() + at.to_bytes(8, "little"), digest_size=16).hexdigest()
            contents.append((content, digest, duration, first, n, checksum(stored)))
            file = path(made)
            folder, _, name = file.rpartition("/")
            recordings.append((recording, file.encode(), file, name, folder, content, now()))
            windows += [(first + i, content, i * hop, i * hop + seconds) for i in range(n)]
            names.append((recording, *index_fields(file, [])))
            made += 1
        db.executemany("INSERT INTO contents VALUES (?, ?, ?, 48000, 1, 'wav', 'pcm_s16le', 1000, NULL, NULL, NULL, ?, ?, ?, 1)", contents)
        db.executemany("INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, NULL, 1000, 0, 0, '', ?, NULL)", recordings)
        db.executemany("INSERT INTO windows VALUES (?, ?, ?, ?)", windows)
        db.executemany("INSERT INTO names_index (rowid, name, folder, tags) VALUES (?, ?, ?, ?)", names)
    writer.commit()
    return made
