"""Search for sounds that follow each other: "glass breaks, then steps" is wanted where steps come soon after the glass, not before it.

Windows are too long to hold an order, so a recording's windows are taken in a row: the evidence of a window is that of the best chain of
windows through it, one a sound, none before the last and each soon after it. Where the chain backwards is the better one, what it is better
by speaks against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auricle.library.store import Store
from auricle.tasks.order import Order, in_order
from auricle.tasks.retrieve import Floats, Moment

Ids = npt.NDArray[np.int64]

SOON = 10.0  # seconds from the end of one window to the start of the next in a chain
MOST = 50  # contents that are looked at
LONGEST = 512  # windows of one content that are looked at, around its best
CAP = 4.0  # standard deviations: one that is loud and clear does not stand for those that are missing


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The best chain through each window ``[n]``: mean evidence of its sounds, and from when to when it goes, seconds."""

    evidence: Floats
    starts: Floats
    ends: Floats


def asked_order(wanted: str) -> Order:
    """The order that a query asks for; none where all is heard at the same time."""
    order = in_order(wanted)
    return order if len(order.steps) > 1 else Order()


def chains(steps: Floats, starts: Floats, ends: Floats) -> Chains:
    """steps: evidence ``[m, n]`` for what comes first, second, … in the windows of one recording, in order of time."""
    values = np.minimum(steps, CAP)
    forth, first, last = _through(values, starts, ends)
    back, _, _ = _through(values[::-1], starts, ends)
    behind = np.maximum(back.max() - forth.max(), 0.0) if forth.size else 0.0
    return Chains(np.asarray(forth - behind, dtype=np.float32), starts[first], ends[last])


def _through(values: Floats, starts: Floats, ends: Floats) -> tuple[Floats, Ids, Ids]:
    """The mean of the best chain through each window, with its first and last window."""
    m, n = values.shape
    here = np.arange(n)
    follows = (here[None, :] >= here[:, None]) & (starts[None, :] <= ends[:, None] + SOON)  # [i, j]: j may come next after i
    before = [(values[0], here)]  # best chain up to step k that ends in each window, and where it began
    for k in range(1, m):
        total, began = before[-1]
        pick = np.where(follows, total[:, None], -np.inf).argmax(axis=0)
        before.append((total[pick] + values[k], began[pick]))
    after = [(values[-1], here)]
    for k in range(m - 2, -1, -1):
        total, over = after[-1]
        pick = np.where(follows, total[None, :], -np.inf).argmax(axis=1)
        after.append((total[pick] + values[k], over[pick]))
    after.reverse()
    whole = np.stack([before[k][0] + after[k][0] - values[k] for k in range(m)])
    step = whole.argmax(axis=0)
    first = np.stack([b[1] for b in before])[step, here]
    last = np.stack([a[1] for a in after])[step, here]
    return np.asarray(whole.max(axis=0) / m, dtype=np.float32), first, last


def through(store: Store, order: Order, windows: Ids, contents: Ids, evidence: Floats, see: Callable[[Ids], Floats]) -> Chains:
    """The chains through some windows ``[n]``; NaN for those of contents that the evidence speaks for least, which are not looked at.

    see: window ids → evidence for the order's sounds ``[sounds, n]``.
    """
    best: dict[int, tuple[float, int]] = {}  # content → its best evidence, and the window that has it
    for content, value, window in zip(contents.tolist(), evidence.tolist(), windows.tolist(), strict=True):
        if content not in best or value > best[content][0]:
            best[content] = value, window
    found = np.full((3, len(windows)), np.nan, np.float32)
    at = {sound: n for n, sound in enumerate(order.sounds)}
    for content in sorted(best, key=lambda c: (-best[c][0], c))[:MOST]:
        rows = store.windows_of(content)
        from_window = max(0, min(best[content][1] - rows[0][0] - LONGEST // 2, len(rows) - LONGEST))
        rows = rows[from_window : from_window + LONGEST]
        ids = np.array([row[0] for row in rows], np.int64)
        starts, ends = (np.array([row[n] for row in rows], np.float32) for n in (1, 2))
        values = see(ids)
        one = chains(np.stack([values[[at[sound] for sound in step]].mean(axis=0) for step in order.steps]), starts, ends)
        here = np.flatnonzero((contents == content) & (windows >= ids[0]) & (windows <= ids[-1]))
        place = np.searchsorted(ids, windows[here])
        found[:, here] = one.evidence[place], one.starts[place], one.ends[place]
    return Chains(*found)


def widened(moments: Sequence[Moment], chains: Chains) -> list[Moment]:
    """Each moment with all of the chain through its best window."""
    spans = zip(chains.starts[[m.peak for m in moments]].tolist(), chains.ends[[m.peak for m in moments]].tolist(), strict=True)
    return [
        m if math.isnan(start) else replace(m, start=min(m.start, start), end=max(m.end, end))
        for m, (start, end) in zip(moments, spans, strict=True)
    ]
