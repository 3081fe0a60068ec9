"""Search a library: describe → the moments. Evidence of three kinds (sound, words, texts) is fused window by window."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio
from auricle.errors import UsageError
from auricle.library import matching, ordered
from auricle.library.store import Store
from auricle.library.where import Compiled
from auricle.results import Hit
from auricle.tasks import retrieve
from auricle.tasks.retrieve import Floats, Query, Weights

Ids = npt.NDArray[np.int64]

SOURCES = ("sound", "words", "texts")
_CANDIDATES = 768  # best windows by sound that are looked at, at least
_NAMED = 400  # contents found by name or text whose windows are looked at, at most
_PER_CONTENT = 256  # windows of one such content that are looked at, at most


@dataclass(frozen=True, slots=True, eq=False)
class Like:
    """A clip to sound like: anything ``audio.open`` takes, and the seconds meant; or a vector of the model's, float32 ``[d]``."""

    source: Any
    start: float = 0.0
    end: float | None = None
    vector: Floats | None = None


@dataclass(slots=True, eq=False)
class _Candidates:
    """Parallel arrays, one entry a window."""

    windows: Ids
    contents: Ids
    starts: Floats
    ends: Floats
    parts: dict[str, Floats] = field(default_factory=dict)
    chains: ordered.Chains | None = None  # where the query asks for an order


def search(
    store: Store,
    model: Any,
    query: str = "",
    *,
    like: Like | None = None,
    unwanted: Sequence[str] = (),
    unlike: Sequence[Like] = (),
    where: str | Compiled | None = None,
    limit: int = 10,
    sources: Sequence[str] = SOURCES,
    weights: Weights | None = None,
) -> list[Hit]:
    """The moments that fit best, best first.

    query:    words as people write them; "no X", "without X" inside it and ``unwanted`` push X away.
    like:     a clip to sound like; with a query both count.
    unlike:   clips that it must not sound like.
    where:    a typed filter, see ``auricle.library.where``.
    sources:  which evidence counts: "sound" (vectors), "words" (names and tags), "texts" (transcripts, markers).

    Raises UsageError (nothing asked, bad filter), AudioError (``like``), LibraryError OtherModel (``model`` did not make this library).
    """
    store.check_model(model)
    weights = weights or Weights()
    asked = retrieve.understand(query, unwanted)
    if unknown := set(sources) - set(SOURCES):
        raise UsageError(f"unknown source {sorted(unknown)[0]!r}.", hint=f"Sources are {', '.join(SOURCES)}.")
    if not (asked.wanted or asked.unwanted or like or unlike):
        raise UsageError("nothing to search for.", hint='Describe a sound, e.g. auricle search "rain on a tin roof", or give --like.')
    allowed = store.window_ids(store.select(where).contents) if where else None
    if allowed is not None and not len(allowed):
        return []
    wanted = _wanted_vectors(model, asked, like)
    bad = [_clip_vector(model, clip) for clip in unlike]
    names = _names(store, model, asked.wanted, weights) if "words" in sources and asked.wanted else None
    texts = matching.in_texts(store.connection, matching.spoken_terms(asked.wanted)) if "texts" in sources and asked.wanted else []
    chosen = _candidates(store, wanted if "sound" in sources else None, names, texts, allowed, limit)
    if not len(chosen.windows):
        return []
    if "sound" in sources:
        chosen.parts["sound"] = _sound(store, model, chosen, wanted, asked, bad, weights)
    if names is not None:
        chosen.parts["words"] = _words(store, chosen, names, asked)
    if "texts" in sources:
        chosen.parts["texts"] = _texts(store, chosen, texts, asked)
    score = retrieve.fuse(chosen.parts, weights)
    if "sound" not in sources:  # every window of a named recording scores alike: only those that something speaks for
        keep = score > 0
        chosen, score = _subset(chosen, keep), score[keep]
    moments = retrieve.merge(chosen.contents, chosen.starts, chosen.ends, score, _reach(weights, sources))
    if chosen.chains is not None:
        moments = ordered.widened(moments, chosen.chains)
    moments = retrieve.diversify(retrieve.separate(moments), limit, weights.repeat)
    return _hits(store, chosen, moments, names, texts)


def similar(store: Store, model: Any, recording: int | str, *, start: float = 0.0, end: float | None = None, limit: int = 10) -> list[Hit]:
    """Moments of other recordings that sound like (a part of) one of the library, from its stored vectors."""
    store.check_model(model)
    source = store.recording(recording)
    vector = stored_vector(store, source.id, start=start, end=end)
    windows = store.windows_of(source.content_id)
    query = vector[None, :]
    _, ids = store.nearest(query, max(_CANDIDATES, 20 * limit) + len(windows))
    own = {w[0] for w in windows}
    keep = np.array([i >= 0 and int(i) not in own for i in ids[0]], dtype=bool)
    if not keep.any():
        return []
    chosen = _place(store, ids[0][keep])
    chosen.parts["sound"] = np.clip(store.vectors(chosen.windows) @ query[0], 0.0, 1.0)
    moments = retrieve.merge(chosen.contents, chosen.starts, chosen.ends, chosen.parts["sound"], 0.05)
    return _hits(store, chosen, retrieve.diversify(retrieve.separate(moments), limit, 0.1), None, [])


def stored_vector(store: Store, recording: int | str, *, start: float = 0.0, end: float | None = None) -> Floats:
    """What (a part of) a recording sounds like, unit norm ``[d]``: the mean of its stored windows. Raises UsageError, LibraryError."""
    source = store.recording(recording)
    windows = [w for w in store.windows_of(source.content_id) if w[2] > start and (end is None or w[1] < end)]
    if not windows:
        raise UsageError(f"{source.path} holds nothing between {start:g} s and {end if end is not None else source.duration:g} s.")
    return _unit(store.vectors([w[0] for w in windows]).mean(axis=0))


def _names(store: Store, model: Any, wanted: str, weights: Weights) -> matching.NameMatches:
    """Names and tags that hold the words of the query; for an order, of each of its sounds: one is half the answer."""
    sounds = ordered.asked_order(wanted).sounds
    found = [_named(store, model, sound, weights) for sound in sounds or (wanted,)]
    names = matching.NameMatches()
    for content in dict.fromkeys(content for one in found for content in one.coverage):
        least = min(one.coverage.get(content, 0.0) for one in found)
        if least > 0:
            names.coverage[content] = least
    for content in dict.fromkeys(content for one in found for content in one.terms):
        names.terms[content] = list(dict.fromkeys(term for one in found for term in one.terms.get(content, ())))
    return names


def _named(store: Store, model: Any, wanted: str, weights: Weights) -> matching.NameMatches:
    """Names and tags that hold the words, or that mean the same (where the model can tell)."""
    names = matching.in_names(store.connection, matching.content_terms(wanted))
    if getattr(model, "has_sentences", False):
        least = weights.meaning
        for content, cosine in store.names_near(model.sentence([wanted])[0], least).items():
            names.coverage[content] = max(names.coverage.get(content, 0.0), (cosine - least) / (1.0 - least))
    return names


def _unit(vector: Floats) -> Floats:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)


def _wanted_vectors(model: Any, asked: Query, like: Like | None) -> Floats:
    """One row for the words, one for the clip; none when only unwanted sounds were named."""
    rows = []
    if asked.wanted:
        rows.append(model.embed_text([asked.wanted])[0])
    if like is not None:
        rows.append(_clip_vector(model, like))
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), model.dim)


def _clip_vector(model: Any, clip: Like) -> Floats:
    from auricle import audio

    if clip.vector is not None:
        return _unit(clip.vector)
    sound: Audio = audio.open(clip.source, rate=model.rate, mono=True, start=clip.start, end=clip.end)
    vector: Floats = model.embed_audio([sound])[0]
    return vector


def _candidates(
    store: Store,
    wanted: Floats | None,
    names: matching.NameMatches | None,
    texts: list[matching.TextMatch],
    allowed: Ids | None,
    limit: int,
) -> _Candidates:
    """Windows worth a closer look: the nearest by sound, and those of contents that names and texts speak for."""
    found: list[Ids] = []
    if wanted is not None:
        k = max(_CANDIDATES, 20 * limit)
        if len(wanted):
            found.append(store.nearest(wanted, k, windows=allowed)[1].reshape(-1))
        else:
            found.append(_sample_ids(store, allowed, 4 * k))
    spoken = dict(names.coverage) if names else {}
    for match in texts:
        spoken[match.content] = max(spoken.get(match.content, 0.0), match.coverage)
    best = sorted(spoken, key=lambda content: (-spoken[content], content))[:_NAMED]
    if best:
        found.append(_windows_of(store, best, texts, allowed))
    ids = np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)
    return _place(store, ids[ids >= 0])


def _windows_of(store: Store, contents: Sequence[int], texts: list[matching.TextMatch], allowed: Ids | None) -> Ids:
    """Windows of contents; of a long one, those that a text speaks for and an even spread of the rest."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for match in texts:
        if match.start is not None and match.end is not None:
            spans.setdefault(match.content, []).append((match.start, match.end))
    kept = [np.empty(0, np.int64)]
    for content, first, count in store.query(
        "SELECT c.id, c.first_window, c.windows FROM json_each(?) j JOIN contents c ON c.id = j.value WHERE c.windows > 0",
        json.dumps([int(c) for c in contents]),
    ):
        rows = np.arange(first, first + count, dtype=np.int64)
        if count > _PER_CONTENT:
            said = spans.get(content)
            near = [r[0] for r in store.windows_of(content) if any(r[1] < end and r[2] > start for start, end in said)] if said else []
            rows = np.concatenate([np.asarray(near[:_PER_CONTENT], np.int64), rows[:: max(1, count // _PER_CONTENT)]])
        kept.append(rows)
    ids: Ids = np.concatenate(kept)
    return np.intersect1d(ids, allowed) if allowed is not None else ids


def _sample_ids(store: Store, allowed: Ids | None, size: int) -> Ids:
    """Windows spread evenly over the library."""
    ids = store.window_ids() if allowed is None else allowed
    return ids if len(ids) <= size else ids[np.linspace(0, len(ids) - 1, size).astype(np.int64)]


def _place(store: Store, ids: Ids) -> _Candidates:
    rows = store.connection.execute(
        'SELECT w.id, w.content_id, w.start, w."end" FROM json_each(?) j JOIN windows w ON w.id = j.value', (json.dumps(ids.tolist()),)
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    windows, contents = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return _Candidates(windows, contents, table[:, 2].astype(np.float32), table[:, 3].astype(np.float32))


def _subset(chosen: _Candidates, keep: npt.NDArray[np.bool_]) -> _Candidates:
    parts = {name: values[keep] for name, values in chosen.parts.items()}
    return _Candidates(chosen.windows[keep], chosen.contents[keep], chosen.starts[keep], chosen.ends[keep], parts)


def _sound(
    store: Store, model: Any, chosen: _Candidates, wanted: Floats, asked: Query, unlike: Sequence[Floats], weights: Weights
) -> Floats:
    """Certainty 0…1 that a window sounds as asked and not as unwanted, from standard deviations above the library's mean."""
    vectors = store.vectors(chosen.windows)
    sample = store.sample()

    def surprise(query: Floats, of: Floats = vectors) -> Floats:
        general = sample @ query
        return retrieve.standardise(of @ query, float(general.mean()), float(general.std()))

    for_it = [surprise(row) for row in wanted]
    evidence: Floats = np.mean(np.asarray(for_it), axis=0) if for_it else np.full(len(vectors), weights.surprise, np.float32)
    pieces = np.asarray([surprise(row) for row in model.embed_text(words)] if (words := retrieve.parts(asked.wanted)) else [], np.float32)
    whole, evidence = evidence, retrieve.together(evidence, pieces)
    if order := ordered.asked_order(asked.wanted):
        sounds = model.embed_text(list(order.sounds))

        def see(windows: Ids) -> Floats:
            heard = store.vectors(windows)
            return np.stack([surprise(sound, heard) for sound in sounds])

        chosen.chains = ordered.through(store, order, chosen.windows, chosen.contents, evidence, see)
        looked = ~np.isnan(chosen.chains.evidence)
        evidence[looked] = 0.5 * whole[looked] + 0.5 * chosen.chains.evidence[looked]
    against = np.asarray([surprise(row) for row in model.embed_text(list(asked.unwanted))] if asked.unwanted else [], dtype=np.float32)
    clips = np.asarray([surprise(row) for row in unlike], dtype=np.float32)
    evidence = retrieve.apart(retrieve.against(evidence, against, weights), clips, weights)
    return retrieve.certainty(evidence, weights)


def _words(store: Store, chosen: _Candidates, names: matching.NameMatches, asked: Query) -> Floats:
    """Coverage of the query by names and tags, less that of unwanted words."""
    coverage = np.array([names.coverage.get(int(c), 0.0) for c in chosen.contents], dtype=np.float32)
    for phrase in asked.unwanted:
        bad = matching.in_names(store.connection, matching.content_terms(phrase)).coverage
        coverage -= np.array([bad.get(int(c), 0.0) for c in chosen.contents], dtype=np.float32)
    return coverage


def _texts(store: Store, chosen: _Candidates, texts: list[matching.TextMatch], asked: Query) -> Floats:
    """Coverage of the query by what is said or marked within each window; a text without times counts for all of its content.

    Where no voices are wanted, a window in which something is said is −1, whatever is said.
    """
    values = np.zeros(len(chosen.windows), dtype=np.float32)
    for match in texts:
        here = chosen.contents == match.content
        if match.start is not None:
            end = match.end if match.end is not None else match.start
            here &= (chosen.starts <= end) & (chosen.ends > match.start)
        values[here] = np.maximum(values[here], match.coverage)
    if any(matching.means_speech(phrase) for phrase in asked.unwanted):
        values[_spoken(store, chosen)] = -1.0
    return values


def _spoken(store: Store, chosen: _Candidates) -> npt.NDArray[np.bool_]:
    """Windows in which a transcript with times says something."""
    spoken = np.zeros(len(chosen.windows), dtype=bool)
    for content, start, end in store.query(
        "SELECT content_id, start, coalesce(\"end\", start) FROM texts WHERE start IS NOT NULL AND source NOT IN ('marker', 'caption') "
        "AND content_id IN (SELECT value FROM json_each(?))",
        json.dumps(np.unique(chosen.contents).tolist()),
    ):
        spoken |= (chosen.contents == content) & (chosen.starts < end) & (chosen.ends > start)
    return spoken


def _reach(weights: Weights, sources: Sequence[str]) -> float:
    """How far below its peak a neighbour may score, in units of the fused score: ``weights.merge`` deviations at mid-scale."""
    return 0.25 * weights.merge * weights.sound if "sound" in sources else 1e-6


def _hits(
    store: Store,
    chosen: _Candidates,
    moments: Sequence[retrieve.Moment],
    names: matching.NameMatches | None,
    texts: list[matching.TextMatch],
) -> list[Hit]:
    rows = {row.window_id: row for row in store.hydrate(chosen.windows[[m.peak for m in moments]])} if moments else {}
    hits = []
    for moment in moments:
        row = rows.get(int(chosen.windows[moment.peak]))
        if row is None:
            continue
        why = {}
        if names is not None and moment.content in names.terms:
            why["words"] = ", ".join(names.terms[moment.content])
        said = [t for t in texts if t.content == moment.content and _overlaps(t, moment)]
        if said:
            why["texts"] = said[0].text[:200]
        hits.append(
            Hit(
                path=row.path, start=moment.start, end=min(moment.end, row.duration), score=moment.score,
                parts={name: float(values[moment.peak]) for name, values in chosen.parts.items()},
                recording_id=row.recording_id, duration=row.duration, rate=row.rate, channels=row.channels,
                tags=tuple(dict.fromkeys(tag.value for tag in row.tags)), copies=row.copies, why=why,
                model=store.model, pipeline_id=store.pipeline_id,
            )
        )  # fmt: skip
    return hits


def _overlaps(text: matching.TextMatch, moment: retrieve.Moment) -> bool:
    if text.start is None:
        return True
    return text.start < moment.end and (text.end if text.end is not None else text.start) >= moment.start
