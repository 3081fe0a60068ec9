"""``auricle ask``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from auricle.cli.caption import SpeakerOption, show_evidence
from auricle.cli.classify import read_labels
from auricle.cli.options import JsonFlag, argument, examples, filled, option


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Ask a question about a sound.",
        epilog=examples(
            'auricle ask yard.wav "is a dog barking?"',
            'auricle ask *.wav "which is it?" --options "rain,a fan,an engine" --json',
            'auricle ask before.wav after.wav "which one is louder?" --together --model hf:Qwen/Qwen2-Audio-7B-Instruct',
        ),
    )(ask)


def ask(
    files_and_question: Annotated[list[str], argument("FILE... QUESTION", "Sound files, and last the question.", callback=filled)],
    options: Annotated[
        str,
        option(
            "--options", "-O", metavar="LIST", help="Choose the likeliest: words between commas, or a file, one a line.", show_default=False
        ),
    ] = "",
    contrast: Annotated[
        float, option("--contrast", metavar="A", min=0.0, max=10.0, help="Take off, so many times, what is likely without any sound.")
    ] = 0.0,
    example: Annotated[
        list[str] | None,
        option("--example", metavar="FILE=ANSWER", help="A sound and its answer, for models that take several sounds.", show_default=False),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="One question about all files at once, where the model takes several.")
    ] = False,
    at: Annotated[str, option("--at", metavar="START-END", help="Seconds that are asked about.", show_default="all")] = "",
    seed: Annotated[int, option("--seed", metavar="N", min=0, help="0: the likeliest answer; others draw one.")] = 0,
    model: SpeakerOption = "tiny-heads",
    json: JsonFlag = False,
) -> None:
    """Ask a question about a sound. The answer comes with the spans that support it, or is marked where none does.

    With --options the likeliest of them is chosen. What the sound cannot answer gives "cannot tell from this recording". A recording that
    is longer than the model hears at once is asked about where the words of the question fit it best; the answer says where that is.
    """
    from auricle.audio import prestart
    from auricle.errors import UsageError

    if len(files_and_question) < 2:
        raise UsageError("a question needs a sound.", hint='Like: auricle ask clip.wav "is a dog barking?"')
    *files, question = files_and_question
    prestart()
    from auricle.cli import output
    from auricle.cli.live import Live
    from auricle.errors import AudioError
    from auricle.tasks import speaking
    from auricle.tasks.answer import ask as run

    speaker = speaking.speaker(model)
    start, end = _seconds(at)
    chosen = read_labels(options) if options else []
    shown = [_example(value) for value in example or ()]
    sources: list[Any] = [files] if together else list(files)
    failed = False
    for source in sources:
        name = " ".join(map(output.short_path, source)) if together else output.short_path(source)
        try:
            with Live() as live:
                answer = run(
                    source, question, speaker, options=chosen, contrast=contrast, examples=shown, start=start, end=end, seed=seed,
                    told=live.told, heard=live.heard,
                )  # fmt: skip
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
            continue
        if json:
            output.emit(answer)
            continue
        output.say(name)
        output.say(f"  {output.one_line(answer.answer)}")
        if answer.scores:
            rows = [[option, f"{score:.2f}"] for option, score in sorted(answer.scores.items(), key=lambda pair: -pair[1])]
            output.say(output.indented(output.indented(output.table(rows, right=[1]))))
        if answer.start > 0:
            output.say(f"    asked of {output.clock(answer.start)} to {output.clock(answer.end)}")
        show_evidence(answer.evidence, answer.unsupported)
    if failed:
        raise typer.Exit(1)


def _seconds(at: str) -> tuple[float, float | None]:
    from auricle.errors import UsageError

    if not at:
        return 0.0, None
    first, _, last = at.partition("-")
    try:
        start, end = float(first), float(last)
    except ValueError:
        raise UsageError(f"--at {at!r} names no seconds.", hint="Like --at 12-17.5") from None
    if not 0 <= start < end < 1e9:
        raise UsageError(f"--at {at!r} ends before it begins.", hint="Like --at 12-17.5")
    return start, end


def _example(value: str) -> tuple[str, str]:
    from auricle.errors import UsageError

    path, _, answer = value.rpartition("=")
    if not path or not answer.strip():
        raise UsageError(f"--example {value!r} is no FILE=ANSWER.", hint='Like --example dog.wav="a dog barks"')
    return path, answer.strip()
