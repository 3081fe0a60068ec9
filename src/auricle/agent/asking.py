"""The work behind the tools: each takes the desk of its call and what was asked, and gives a typed result or raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auricle.agent import inputs, results
from auricle.agent.desk import Desk
from auricle.agent.hearing import classified, heard, scored
from auricle.agent.problems import from_error
from auricle.agent.untrusted import TAG, TEXT, clean
from auricle.errors import AudioError, AuricleError, ModelError
from auricle.library.search import Like
from auricle.results import Hit

LIKE_SECONDS = 60.0  # of an example that are listened to
LEVEL_SECONDS = 600.0  # that are measured
VIEW_SECONDS = 300.0  # that one picture shows at most
VIEW_DEFAULT = 60.0
TAGS = 12  # of a moment
ALL_TAGS = 60  # of a recording
TEXT_CHARACTERS = 8000  # of one answer
COPIES = 20


def search(desk: Desk, asked: inputs.Search) -> results.Found:
    from auricle.library.search import search as run
    from auricle.tasks.retrieve import understand

    like, own = None, set[int]()
    if asked.like is not None:
        part, start, end = desk.span(asked.like.recording_id, asked.like.start, asked.like.end)
        if end - start > LIKE_SECONDS:
            end = start + LIKE_SECONDS
            desk.warnings.append(f"Only {start:g} to {end:g} seconds of the example count; name start and end to choose others.")
        like, own = Like(part.path, start, end), _same_content(desk, part.content_id)
    extra = 4 if own else 0  # the example finds itself
    hits = run(desk.store, desk.model, asked.query, like=like, unwanted=asked.unwanted, where=asked.where, limit=asked.limit + extra)
    hits = [hit for hit in hits if hit.recording_id not in own][: asked.limit]
    if not hits:
        desk.warnings.append("Nothing fits." + (" Try without where." if asked.where else ""))
    query = understand(asked.query, asked.unwanted)
    return results.Found(
        moments=moments(desk, hits), understood=results.Understood(wanted=query.wanted, unwanted=list(query.unwanted))
    )  # fmt: skip


def similar(desk: Desk, asked: inputs.Similar) -> results.Found:
    from auricle.library.search import similar as run

    _, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    return results.Found(moments=moments(desk, run(desk.store, desk.store, asked.recording_id, start=start, end=end, limit=asked.limit)))


def moments(desk: Desk, hits: Sequence[Hit]) -> list[results.Moment]:
    return [
        results.Moment(
            recording_id=hit.recording_id, start=round(hit.start, 3), end=round(hit.end, 3), score=round(hit.score, 4),
            parts={name: round(value, 4) for name, value in hit.parts.items()}, duration=round(hit.duration, 3), rate=hit.rate,
            channels=hit.channels, copies=len(hit.copies), untrusted_path=desk.place(hit.path),
            untrusted_tags=[clean(tag, TAG) for tag in hit.tags[:TAGS]],
            untrusted_match={kind: clean(why, TEXT) for kind, why in hit.why.items()},
        )
        for hit in hits
    ]  # fmt: skip


def describe(desk: Desk, asked: inputs.Describe) -> results.Described:
    from auricle.agent.vocabulary import LABELS

    recording, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    model, sound = desk.model, heard(desk, recording, start, end)
    labels, none = scored(model, sound, LABELS)
    tags = _library_tags(desk)
    fitting = scored(model, sound, tags)[0][: asked.top] if tags else []
    calibrated = model.calibration is not None
    if not calibrated:
        desk.warnings.append("Scores are similarities, not probabilities: they tell which label fits best, not whether it fits.")
    return results.Described(
        recording_id=recording.id, start=round(start, 3), end=round(end, 3), duration=round(recording.duration, 3), rate=recording.rate,
        channels=recording.channels, format=recording.format, labels=labels[: asked.top],
        untrusted_library_tags=[results.LibraryTagScore(untrusted_label=clean(each.label, TAG), score=each.score) for each in fitting],
        none=none, calibrated=calibrated, vocabulary=len(LABELS), levels=_levels(desk, recording.path, start, end),
    )  # fmt: skip


def _levels(desk: Desk, path: str, start: float, end: float) -> results.Levels | None:
    from auricle.agent.measure import levels

    if end - start > LEVEL_SECONDS:
        end = start + LEVEL_SECONDS
        desk.warnings.append(f"Levels were measured from {start:g} to {end:g} seconds only; name start and end to measure others.")
    try:
        return levels(path, start, end, desk.checkpoint)
    except AudioError as error:
        desk.errors.append(from_error(error, desk))
        return None


def _library_tags(desk: Desk) -> list[str]:
    """The commonest tags of a library that name sounds: those that people gave, genres, categories."""
    rows = desk.store.query(
        "SELECT value, count(*) AS n FROM tags "
        "WHERE key IN ('tag', 'genre', 'keywords', 'ucs.category', 'ucs.subcategory', 'guano.species') "
        "AND length(value) BETWEEN 2 AND 40 GROUP BY value ORDER BY n DESC, value LIMIT 60"
    )
    return list(dict.fromkeys(clean(value, TAG) for value, _ in rows if value.strip()))


def get(desk: Desk, asked: inputs.Get) -> results.Details:
    from auricle.agent.copies import copies

    recording = desk.recording(asked.recording_id)
    texts, left = list[results.TextLine](), TEXT_CHARACTERS
    for text in recording.texts[asked.texts_from : asked.texts_from + asked.texts_limit]:
        line = clean(text.text, TEXT)
        if len(line) > left:
            break
        left -= len(line)
        texts.append(
            results.TextLine(
                start=text.start, end=text.end, source=clean(text.source, 20), language=clean(text.language, 20) if text.language else None,
                untrusted_text=line,
            )
        )  # fmt: skip
    after = asked.texts_from + len(texts)
    if len(recording.tags) > ALL_TAGS:
        desk.warnings.append(f"Only {ALL_TAGS} of {len(recording.tags)} tags are shown.")
    if after < len(recording.texts):
        desk.warnings.append(f"{len(recording.texts) - after} more texts follow: ask again with texts_from = {after}.")
    return results.Details(
        recording_id=recording.id, untrusted_path=desk.place(recording.path), duration=round(recording.duration, 3), rate=recording.rate,
        channels=recording.channels, format=recording.format, codec=recording.codec, bytes=recording.bytes,
        recorded_at=clean(recording.recorded_at, 40) if recording.recorded_at else None, latitude=recording.latitude,
        longitude=recording.longitude, added_at=recording.added_at, vanished=recording.vanished_at is not None,
        tags=[
            results.TagValue(untrusted_key=clean(tag.key, 60), untrusted_value=clean(tag.value, TEXT), source=tag.source)
            for tag in recording.tags[:ALL_TAGS]
        ],
        tags_total=len(recording.tags), texts=texts, texts_total=len(recording.texts),
        texts_next=after if after < len(recording.texts) else None, copies=copies(desk, recording, COPIES),
    )  # fmt: skip


def classify(desk: Desk, asked: inputs.Classify) -> results.Classified:
    recording, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    found = classified(desk.model, heard(desk, recording, start, end), asked.labels, exclusive=asked.exclusive)
    if not found.calibrated:
        desk.warnings.append("Scores are similarities, not probabilities: they tell which label fits best, not whether it fits.")
    return results.Classified(
        recording_id=recording.id, start=round(start, 3), end=round(end, 3), none=None if found.none is None else round(found.none, 4),
        scores={label: round(value, 4) for label, value in found.scores.items()}, calibrated=found.calibrated, exclusive=found.exclusive,
    )  # fmt: skip


def view(desk: Desk, asked: inputs.View) -> results.Viewed:
    from auricle.agent.picture import picture

    recording, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    longest = VIEW_DEFAULT if asked.end is None else VIEW_SECONDS
    if end - start > longest:
        end = start + longest
        desk.warnings.append(f"The picture shows {start:g} to {end:g} of {recording.duration:g} seconds; name start and end to see others.")
    desk.image, shown = picture(recording.path, recording.rate, start, end, asked.width, asked.height, desk.checkpoint)
    return results.Viewed(recording_id=recording.id, **shown)


def status(desk: Desk, asked: inputs.Status) -> results.Libraries:
    import auricle

    known = [_state(desk, name, asked.failures) for name in desk.libraries]
    desk.leave()
    jobs = []
    for job in desk.jobs():
        progress = job.get("progress") or {}
        jobs.append(
            results.Job(
                id=str(job["id"]), kind=str(job["kind"]), library=str(job["library"]), state=str(job["state"]),
                done=progress.get("done"), total=progress.get("total"),
            )
        )  # fmt: skip
    if not known:
        desk.warnings.append("No library is served. Start the server with --library FOLDER.")
    return results.Libraries(version=auricle.__version__, libraries=known, jobs=jobs)


def _state(desk: Desk, name: str, failures: int) -> results.LibraryStatus:
    desk.choose(name)
    try:
        if not desk.library.exists:
            return results.LibraryStatus(id=name, state="empty", hint="Nothing is indexed yet: ask the user to run `auricle index FOLDER`.")
        stats, failed = desk.store.stats(), desk.store.failures()
    except AuricleError as error:
        problem = from_error(error, desk)
        return results.LibraryStatus(id=name, state="broken", error=problem.message, hint=problem.hint)
    found = results.LibraryStatus(
        id=name, state="ready", model=clean(desk.store.model), recordings=stats.recordings, windows=stats.windows,
        hours=round(stats.hours, 4), vanished=stats.vanished, failures=stats.failures,
        failures_by_kind=dict(Counter(row.kind for row in failed)),
        failed_files=[
            results.FailedFile(kind=row.kind, hint=clean(row.hint, TEXT), untrusted_path=desk.place(row.path)) for row in failed[:failures]
        ],
    )  # fmt: skip
    try:
        _find_model(desk)
    except ModelError as error:
        problem = from_error(error, desk)
        found.state, found.error, found.hint = "model_missing", problem.message, problem.hint
    return found


def _find_model(desk: Desk) -> None:
    """See that a library's model is on this machine, without loading it where its name tells. Raises ModelError."""
    from auricle.models import hub

    try:
        hub.resolve(desk.store.model)
    except ModelError:
        _ = desk.model


def _same_content(desk: Desk, content: int) -> set[int]:
    return {row[0] for row in desk.store.query("SELECT id FROM recordings WHERE content_id = ?", content)}
