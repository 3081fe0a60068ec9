"""What may be said and asked about a composed scene, by its facts alone.

    python recipes/tiny_heads/texts.py --corpus CORPUS --scenes runs/heads/train [--split dev]     # write the texts of a folder anew

A language is no kind of sound here: the tower does not tell Greek from Danish, and a text that cannot be heard teaches to make things up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from auricle.data.items import Item, Question
from auricle.data.manifest import read
from auricle.data.world import World, load
from auricle.data.world.captions import captions
from auricle.data.world.counterfactuals import counterfactuals
from auricle.data.world.facts import Facts, SceneEvent
from auricle.data.world.grammar import number
from auricle.data.world.lexicon import words_for
from auricle.data.world.questions import Asker, questions

HERE = Path(__file__).parent
ZERO = "zero"
ZERO_CHANCE = 0.06  # so that zero is right about as often as each other count
DRAWS = 2  # times that each scene is asked about, in other words
UNTOLD = 0.5  # chance of a question that no sound answers, a draw
CANNOT_TELL = "cannot tell from this recording"
LANGUAGE = re.compile(r"(?!computer )[a-z]+ speech")
SAME = {
    "tom drum": "tom tom", "woodblock": "wood block", "agogo": "agogo bells", "distorted guitar": "distorted electric guitar",
    "synth bass": "synthesizer bass", "synth lead": "synthesizer lead", "synth pad": "synthesizer pad",
}  # fmt: skip

# Asked in vain, and what somebody who makes things up might say. The last HELD_OUT forms are asked of held-out scenes only.
ASKED_IN_VAIN = (
    ("What colour is {x}?", ("red", "blue", "green", "white", "black")),
    ("What colour is it?", ("red", "blue", "grey")),
    ("Who made this recording?", ("a tourist", "a film crew", "a scientist")),
    ("What is the name of the person who recorded this?", ("Anna", "Peter", "Maria", "John")),
    ("What is the name of the speaker?", ("Anna", "Peter", "Maria", "John")),
    ("Who is speaking?", ("a teacher", "Anna", "the president")),
    ("In which year was this recorded?", ("1994", "2008", "2015", "2021")),
    ("In which country was this recorded?", ("France", "Japan", "Brazil", "Canada")),
    ("In which city is this?", ("Paris", "Tokyo", "London", "Rome")),
    ("What day of the week is it?", ("Monday", "Friday", "Sunday")),
    ("How much did {x} cost?", ("ten euros", "a hundred dollars", "nothing")),
    ("What brand is it?", ("Toyota", "Sony", "Yamaha")),
    ("Who is the owner of {x}?", ("a farmer", "a neighbour", "a child")),
    ("What does it smell like?", ("smoke", "flowers", "petrol")),
    ("What does the room look like?", ("white walls", "a red carpet", "large windows")),
    ("What is on the table?", ("a cup", "a lamp", "a newspaper")),
    ("How heavy is {x}?", ("ten kilograms", "a ton", "very light")),
    ("How tall is the person?", ("tall", "short", "six feet")),
    ("What does the person wear?", ("a coat", "a red dress", "a hat")),
    ("What is the person thinking about?", ("home", "work", "the sea")),
    ("What is the phone number?", ("555 0100", "112", "867 5309")),
    ("What is the weather forecast for tomorrow?", ("rain", "sunny", "snow")),
    ("What was eaten for breakfast?", ("bread", "an egg", "fruit")),
    ("How many people are in the picture?", ("one", "two", "five")),
    ("What is the licence plate?", ("AB 123", "XY 900", "KL 55")),
    ("How old is {x}?", ("one year", "five years", "fifty years")),
    ("Which film is this from?", ("a western", "a space film", "a comedy")),
    ("What will be heard tomorrow?", ("rain", "music", "a train")),
    ("Is {x} wearing a hat?", ("yes", "no")),
    ("Is {x} blue?", ("yes", "no")),
    ("Was this recorded on a Tuesday?", ("yes", "no")),
    ("Does the speaker like cheese?", ("yes", "no")),
    ("Is the owner of {x} rich?", ("yes", "no")),
    ("What is the password?", ("secret", "1234", "open sesame")),
    ("Which company sells {x}?", ("a toy maker", "Sony", "a farm")),
    ("What is written on the wall?", ("exit", "a name", "danger")),
    ("Which street is this?", ("Main Street", "Baker Street", "Park Lane")),
    ("What is the temperature?", ("20 degrees", "freezing", "35 degrees")),
    ("What microphone was used?", ("a phone", "a studio microphone", "a lapel microphone")),
    ("What is the capital of France?", ("Paris", "Lyon", "London")),
    # held out
    ("What shade is {x}?", ("dark red", "pale blue", "white")),
    ("In what town was this made?", ("Berlin", "Madrid", "Oslo")),
    ("What is the dog's name?", ("Rex", "Bella", "Max")),
    ("How many windows does the room have?", ("one", "two", "three")),
    ("What is the make of the car?", ("Ford", "Fiat", "Honda")),
    ("Which month is it?", ("May", "July", "December")),
    ("Is the person who recorded this married?", ("yes", "no")),
    ("What is the shape of the table?", ("round", "square", "long")),
    ("Who paid for {x}?", ("a bank", "the city", "a friend")),
    ("Which shirt does the man wear?", ("a white one", "a blue one", "a striped one")),
)  # fmt: skip
HELD_OUT = 10
WORDS = ("What does the voice say?", "Which words are spoken?", "What is said?", "What is the person talking about?")
SAID = ("hello", "good morning", "thank you very much", "the weather is fine", "where is the station", "please come in")


def plain(label: str) -> str:
    """The kind of sound that a label is to someone who does not know the language."""
    name = words_for(label).label
    return "speech" if LANGUAGE.fullmatch(name.lower()) else SAME.get(name, name)


def plain_facts(facts: Facts) -> Facts:
    return replace(facts, events=tuple(_plain_event(e) for e in facts.events))


def _plain_event(event: SceneEvent) -> SceneEvent:
    label = plain(event.label)
    also = tuple(dict.fromkeys(x for x in map(plain, event.also) if x != label))
    return replace(event, label=label, also=also, maybe=tuple(dict.fromkeys(map(plain, event.maybe))))


def plain_world(config: Any, corpus: Path, split: str) -> World:
    """The words of the world: its items by their plain labels; nothing of it is decoded."""
    return World((_plain_item(item) for name in config.manifests for item in read(corpus / name)), config, split=split, folder=corpus)


def _plain_item(item: Item) -> Item:
    extra = dict(item.extra)
    if isinstance(extra.get("instrument"), str):
        extra["instrument"] = plain(extra["instrument"])
    return replace(item, labels=tuple(dict.fromkeys(map(plain, item.labels))), extra=extra)


def nothing_counted(asker: Asker) -> Question | None:
    """How often is something heard that is not? The world asks only about what is there."""
    label = asker.vocabulary.absent(asker.facts, asker.rng, like=asker.rng.choice(asker.vocabulary.shelf.sounds))
    if label is None:
        return None
    least, most = asker.vocabulary.config.repeats
    options = [ZERO, *(number(k) for k in (1, *range(least, most + 1)))]
    forms = ("How many times is {p} heard?", "How often does one hear {p}?", "How many times does it happen that {f}?")
    return asker._ask("count", forms, ZERO, options, p=asker._doing(label), f=asker._clause(label))


def with_zero(question: Question) -> Question:
    """Zero is always among the counts that are offered."""
    if question.kind != "count" or ZERO in question.options:
        return question
    return Question(question.question, question.answer, (ZERO, *question.options), question.kind)


def in_vain(asker: Asker, held_out: bool) -> Question:
    """A question that no sound answers; one that speech would answer, but not to an ear that hears no words."""
    rng, heard = asker.rng, asker.facts.heard
    if any("speech" in (e.label, *e.also) for e in asker.facts.events) and rng.random() < 0.3:
        question, wrong = rng.choice(WORDS), SAID
    else:
        forms = ASKED_IN_VAIN[-HELD_OUT:] if held_out else ASKED_IN_VAIN[:-HELD_OUT]
        question, wrong = rng.choice([form for form in forms if heard or "{x}" not in form[0]])
        question = question.format(x=asker._name(rng.choice(heard)) if heard else "")
    options = [CANNOT_TELL, *rng.sample(wrong, min(3, len(wrong)))]
    rng.shuffle(options)
    return Question(question, CANNOT_TELL, tuple(options), "unanswerable")


def texts(world: World, scene: Facts, index: int) -> dict[str, Any]:
    """world: of plain labels. scene: facts with the labels of its items."""
    facts = plain_facts(scene)
    said: list[str] = []
    false: list[str] = []
    asked: list[Question] = []
    for draw in range(DRAWS):
        rng = random.Random(f"{world.split}/{world.seed}/{index}/{draw}")
        true = captions(facts, world.vocabulary, rng, world.config.captions)
        changed = counterfactuals(facts, true, world.vocabulary, rng, world.config.counterfactuals)
        asked += [with_zero(q) for q in questions(facts, world.vocabulary, rng, world.config.questions, true, changed)]
        asker = Asker(facts, world.vocabulary, rng)
        if rng.random() < ZERO_CHANCE and (zero := nothing_counted(asker)):
            asked.append(zero)
        if rng.random() < UNTOLD:
            asked.append(in_vain(asker, world.split != "train"))
        said += [c.text for c in true]
        false += [c.text for c in changed]
    unique = {(q.question, q.answer): q for q in asked}.values()
    return {
        "index": index,
        "facts": facts.document(),
        "captions": list(dict.fromkeys(said)),
        "false": list(dict.fromkeys(false)),
        "questions": [{"q": q.question, "a": q.answer, "o": list(q.options), "kind": q.kind} for q in unique],
        "clips": sorted({e.clip for e in facts.events}),
    }


_world: World | None = None


def rewrite(shard: Path, *, config: Path, names: tuple[str, ...], corpus: Path, split: str) -> str:
    global _world
    if _world is None:
        _world = plain_world(load(config).model_copy(update={"manifests": names}), corpus, split)
    rows = [json.loads(line) for line in shard.read_text("utf-8").splitlines()]
    lines = [json.dumps(texts(_world, Facts.read(row["facts"]), row["index"]), ensure_ascii=False) for row in rows]
    part = shard.with_name(f".{shard.name}")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(part, shard)
    return shard.name


def manifests(split: str) -> tuple[str, ...]:
    return tuple(f"{split}.{kind}.jsonl" for kind in ("sound", "music", "speech"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--world", type=Path, default=HERE / "scenes.yaml")
    args = parser.parse_args()
    work = partial(rewrite, config=args.world, names=manifests(args.split), corpus=args.corpus, split=args.split)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        shards = sorted(args.scenes.glob("[0-9]*.jsonl"))
        for done, _ in enumerate(pool.map(work, shards), 1):
            if done % 20 == 0 or done == len(shards):
                print(f"{done} of {len(shards)} shards", flush=True)


if __name__ == "__main__":
    main()
