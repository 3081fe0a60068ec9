"""Moments with every name that a file system allows, for property tests; and a Hit with nothing odd about it."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from auricle.results import Hit

TRICKY = [
    *("a,b", 'say "hi"', "it's", "tick`s", "two\nlines", "tab\there", "cr\rhere", "\u2028", "nul\x1b[31m", "back\\slash"),
    *("=cmd|' C calc'!A0", "-12dB", "@x", "+1", " pad ", "#1", "ünïcödé 雨 🎧", "<b>&amp;<b> --> x", "100%", "a:b"),
]
_bytes_names = st.binary(min_size=1, max_size=12).map(lambda b: os.fsdecode(b.replace(b"/", b"_").replace(b"\0", b"_")))
_text_names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
names = st.one_of(st.sampled_from(TRICKY), _text_names, _bytes_names).filter(lambda n: n not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
labels = st.one_of(st.sampled_from(TRICKY), st.text(max_size=20))
times = st.floats(0, 360_000, allow_nan=False).map(lambda t: round(t, 3))


def hit(path="/sounds/rain.wav", start=12.0, end=17.0, score=0.75, duration=60.0, rate=48_000, tags=("rain", "roof")):
    parts, why = {"sound": 0.5, "words": 0.25}, {"words": "rain"}
    return Hit(path, start, end, score, parts, 1, duration, rate, 2, tuple(tags), (), why, "tiny-towers@1", "p1")


@st.composite
def hits(draw, where=paths):
    start, length = draw(times), draw(st.floats(0, 60).map(lambda t: round(t, 3)))
    tags = draw(st.lists(labels, max_size=2))
    return hit(draw(where), start, round(start + length, 3), draw(st.floats(-1, 1)), 0.1 + start + length + draw(times), 44_100, tags)


lists = st.lists(hits(), max_size=4)
