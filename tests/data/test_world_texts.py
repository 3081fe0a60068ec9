"""What is said of scenes: captions are true, counterfactuals are false, questions do not give their answers away."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_clips import LINES, world

from auricle.data.world.claims import KINDS, Claim, all_hold, holds
from auricle.data.world.counterfactuals import FAIR, changed
from auricle.data.world.facts import Facts, SceneEvent
from auricle.data.world.grammar import base_form, joined, participle, plural, third_person, times, with_article
from auricle.data.world.lexicon import find, instrument, normal, related, words_for
from auricle.data.world.questions import questions
from auricle.data.world.sentences import Mention, Sentence, agreed, claims, many, text


@cache
def made(seed=0, **config):
    return world(seed, seconds=[4, 6], event_seconds=[0.05, 3], captions=8, counterfactuals=20, questions=50, **config)


@cache
def said(index):
    """Texts of scene ``index`` of the first world."""
    return made().text(made().plan(index).facts)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 3), index=st.integers(0, 100_000))
def test_captions_hold_and_counterfactuals_do_not(seed, index):
    facts = made(seed).plan(index).facts
    assert Facts.read(json.loads(json.dumps(facts.document()))) == facts
    texts = made(seed).text(facts)
    assert texts.captions
    for caption in texts.captions:
        assert all_hold(caption.claims, facts), caption
        assert Claim.from_document(caption.claims[0].document()) == caption.claims[0]
    for false in texts.counterfactuals:
        assert false.broken
        assert not any(holds(claim, facts) for claim in false.broken), false
        assert false.text not in {c.text for c in texts.captions}
    for question in texts.questions:
        assert not question.options or question.options.count(question.answer) == 1
    for worded in (*(c.text for c in texts.captions), *(c.text for c in texts.counterfactuals), *(q.question for q in texts.questions)):
        assert not re.search(r"[{}|]|\b(\w+) \1\b|  | ,|\ba [aeio]", worded.replace("time time", "")), worded


def test_a_caption_is_false_of_the_scene_without_what_it_names():
    worlds = made()
    checked = 0
    for index in range(60):
        facts = worlds.plan(index).facts
        for caption in worlds.text(facts).captions:
            for claim in caption.claims:
                if claim.kind == "present" and claim.label in facts.heard:
                    left = Facts(
                        0, "", facts.seconds, facts.room, 0, tuple(e for e in facts.events if claim.label not in (e.label, *e.also))
                    )
                    assert not all_hold(caption.claims, left)
                    checked += 1
    assert checked > 100


def test_texts_are_of_all_kinds_and_varied():
    forms, kinds, asked, texts = Counter(), Counter(), Counter(), Counter()
    for index in range(250):
        forms.update(c.form for c in said(index).captions)
        kinds.update(c.kind for c in said(index).counterfactuals)
        asked.update(q.kind for q in said(index).questions)
        texts.update(c.text for c in said(index).captions)
    assert set(forms) >= {"one", "list", "together", "then", "before", "after", "louder"}
    assert set(kinds) == {
        "order", "time", "loudness", "distance", "tempo", "speaker", "register", "mode", "count", "words", "replaced", "added", "removed",
        "room",
        "background",
    }  # fmt: skip
    assert set(asked) == {
        "presence", "absence", "count", "order", "before/after", "duration", "loudest", "simultaneous", "distance", "instrument", "speech",
        "music", "said", "words", "yes/no", "reason",
    }  # fmt: skip
    assert len(texts) > 0.9 * sum(texts.values())
    everything = " ".join(texts)
    assert any(line in everything for line in LINES)
    for words in ("while", "then", "before", "after", "three times", "in the distance", "nearby", "slow", "minor", "hall"):
        assert words in everything


# ---------------------------------------------------------------------------------------------------------------- balance


def test_questions_cannot_be_answered_without_listening():
    """A reader who knows all questions and answers of half of the scenes guesses those of the other half by the words alone."""
    halves: dict[str, tuple[list, list]] = defaultdict(lambda: ([], []))
    for index in range(750):
        for question in said(index).questions:
            halves[question.kind][index % 2].append(question)
    for kind, (known, asked) in halves.items():
        assert len(asked) > 50, kind
        yes_no = [q.answer for q in (*known, *asked) if set(q.options) == {"yes", "no"}]
        if yes_no:
            assert abs(yes_no.count("yes") / len(yes_no) - 0.5) < 0.08, (kind, Counter(yes_no))
        if kind == "reason":
            share = sum(q.answer.startswith("yes") for q in asked) / len(asked)
            assert abs(share - 0.5) < 0.1
            continue
        chance = sum(1 / len(q.options) for q in asked) / len(asked)
        sure = 3.3 * math.sqrt(chance * (1 - chance) / len(asked)) + 0.02
        assert majority(known, asked) < chance + sure, kind
        assert guessed(known, asked) < chance + sure, kind
        assert abs(sum(q.options[0] == q.answer for q in asked) / len(asked) - chance) < sure + 0.03, kind


def test_true_and_false_captions_cannot_be_told_apart_without_listening():
    """Who knows the words of all true and false captions of half of the scenes chooses between the two of the other half by chance."""
    pairs: dict[str, list[list]] = defaultdict(lambda: [[], []])
    for index in range(750):
        for false in said(index).counterfactuals:
            pairs[false.kind][index % 2].append((terms(false.of), terms(false.text)))
    assert set(pairs) == FAIR | {"added", "removed"}
    for kind in FAIR:
        known, asked = pairs[kind]
        true, false = Counter(t for pair in known for t in pair[0]), Counter(t for pair in known for t in pair[1])
        scores = [[sum(math.log((true[t] + 1) / (false[t] + 1)) for t in caption) for caption in pair] for pair in asked]
        right = sum((a > b) + 0.5 * (a == b) for a, b in scores) / len(scores)
        assert abs(right - 0.5) < 3.3 * 0.5 / math.sqrt(len(scores)) + 0.02, (kind, right, len(scores))


def terms(text):
    """Words and pairs of neighbours."""
    found = re.findall(r"[a-z]+", text.lower())
    return {*found, *pairwise(found)}


def majority(known, asked):
    """How often the commonest answer of those offered is right."""
    common, offered = Counter(q.answer for q in known), Counter(o for q in known for o in q.options)
    return sum(max(q.options, key=lambda o: (common[o] + 1) / (offered[o] + 2)) == q.answer for q in asked) / len(asked)


def guessed(known, asked):
    """As ``majority``, with the words of the question taken into account (naive Bayes)."""
    common, offered, seen = Counter(q.answer for q in known), Counter(o for q in known for o in q.options), Counter()
    for q in known:
        seen.update((q.answer, word) for word in words(q))

    def score(q, option):
        by_words = sum(math.log((seen[option, w] + 1) / (common[option] + 2)) for w in words(q))
        return math.log((common[option] + 1) / (offered[option] + 2)) + by_words

    return sum(max(q.options, key=lambda o: score(q, o)) == q.answer for q in asked) / len(asked)


def words(question):
    return set(re.findall(r"[a-z]+", question.question.lower()))


# ---------------------------------------------------------------------------------------------------------------- claims


def event(start, end, label, **more):
    return SceneEvent(start, end, label, label, label, more.pop("level", -20.0), **more)


SCENE = Facts(
    0, "train", 10.0, "hall", 1.5,
    (
        event(0, 10, "rain", bed=True, level=-40.0, maybe=("thunder",)),
        event(1, 1.5, "dog bark", countable=True, distance="near", level=-18.0),
        event(2, 2.5, "dog bark", countable=True, distance="near", level=-18.0),
        event(3, 6, "violin", instrument="violin", tempo=60, pitch=80, mode="minor", level=-25.0, also=("music",)),
        event(5, 7, "speech", transcript="Mind the gap, please.", speaker="woman", distance="far", level=-31.0),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "true", "false"),
    [
        ("present", {"label": "rain"}, {"label": "cat meow"}),
        ("present", {"label": "music"}, {"label": "piano"}),
        ("absent", {"label": "cat meow"}, {"label": "rain"}),
        ("absent", {"label": "cat meow"}, {"label": "thunder"}),
        ("present", {"label": "rain"}, {"label": "thunder"}),
        ("count", {"label": "dog bark", "n": 2}, {"label": "dog bark", "n": 3}),
        ("count", {"label": "dog bark", "n": 2}, {"label": "violin", "n": 1}),
        ("before", {"label": "dog bark", "other": "violin"}, {"label": "violin", "other": "speech"}),
        ("together", {"label": "violin", "other": "speech"}, {"label": "dog bark", "other": "violin"}),
        ("apart", {"label": "dog bark", "other": "violin"}, {"label": "violin", "other": "speech"}),
        ("distance", {"label": "speech", "text": "far"}, {"label": "dog bark", "text": "far"}),
        ("louder", {"label": "dog bark", "other": "violin"}, {"label": "violin", "other": "dog bark"}),
        ("loudest", {"label": "dog bark"}, {"label": "violin"}),
        ("quietest", {"label": "speech"}, {"label": "violin"}),
        ("room", {"text": "hall"}, {"text": "outdoors"}),
        ("background", {"label": "rain"}, {"label": "wind"}),
        ("says", {"text": "mind the gap please"}, {"text": "mind the step please"}),
        ("speech", {}, None),
        ("no speech", None, {}),
        ("music", {}, None),
        ("no music", None, {}),
        ("instrument", {"label": "violin", "text": "violin"}, {"label": "violin", "text": "piano"}),
        ("pace", {"label": "violin", "text": "slow"}, {"label": "violin", "text": "fast"}),
        ("register", {"label": "violin", "text": "high"}, {"label": "violin", "text": "low"}),
        ("mode", {"label": "violin", "text": "minor"}, {"label": "violin", "text": "major"}),
        ("speaker", {"label": "speech", "text": "woman"}, {"label": "speech", "text": "man"}),
        ("only", None, {"label": "violin"}),
        ("nothing", None, {}),
    ],
)
def test_claims(kind, true, false):
    assert kind in KINDS
    if true is not None:
        assert holds(Claim(kind, **true), SCENE)
    if false is not None:
        assert not holds(Claim(kind, **false), SCENE)


def test_an_empty_scene():
    empty = Facts(0, "train", 5.0, "dry", 0.0)
    assert all_hold([Claim("nothing"), Claim("no speech"), Claim("no music"), Claim("background"), Claim("absent", "rain")], empty)
    texts = made().text(empty)
    assert texts.captions
    assert all(all_hold(c.claims, empty) for c in texts.captions)
    assert not [q for q in texts.questions if q.kind not in ("presence", "speech", "music")]


def test_a_changed_sentence_keeps_its_other_words():
    vocabulary = made().vocabulary
    dog, car = Mention(vocabulary.words["dog bark"], distance="near"), Mention(vocabulary.words["car horn"])
    for style in range(60):
        sentence = Sentence("then", (dog, car), style)
        swapped, farther = (
            next(s for kind, s in changed(SCENE, sentence, vocabulary, random.Random(0)) if kind == wanted)
            for wanted in ("order", "distance")
        )
        assert claims(swapped)[-1] == Claim("before", "car horn", "dog bark")
        near, far = (re.search(r"(nearby|near|close|microphone|distan|far|way off)", text(s).lower()) for s in (sentence, farther))
        before = (
            text(sentence).lower()[: near.start()].removesuffix("right next to the ").removesuffix("very ").removesuffix("up ").rstrip()
        )
        after = text(farther).lower()[: far.start()].removesuffix("in the ").removesuffix("a long ").removesuffix("from a").rstrip()
        assert before == after


def test_no_more_questions_than_asked_for():
    facts = made().plan(3).facts
    assert len(questions(facts, made().vocabulary, random.Random(1), 3)) <= 3


# ---------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("label", "subject", "verb", "going"),
    [
        ("dog_bark", "a dog", "barks", "barking"),
        ("Glass Breaking", "glass", "breaks", "breaking"),
        ("wooden gate creaking", "a wooden gate", "creaks", "creaking"),
        ("sizzling pan", "a pan", "sizzles", "sizzling"),
        ("Owl", "an owl", "hoots", "hooting"),
        ("birds", "birds", "sing", "singing"),
        ("teapot", "a teapot", "sounds", "sounding"),
        ("spaceships", "spaceships", "sound", "sounding"),
        ("splashing", "water", "splashes", "splashing"),
        ("door slam", "a door", "closes", "closing"),
    ],
)
def test_labels_in_words(label, subject, verb, going):
    found = words_for(label)
    assert found.says[0] == (subject, verb)
    assert found.doing(0) == (subject, going)
    assert found.names


def test_labels_that_mean_the_same_are_one():
    assert words_for("Dog") == words_for("barking") == words_for("dog_bark-03")
    assert normal("Bark, canine (loud)") == "bark"
    assert related("dog bark", "wolf howl")
    assert related("church bell", "bicycle bell")
    assert not related("dog bark", "car horn")
    assert find("A dog barks near the fence") == "dog bark"
    assert find("a dog barks and a cat meows") is None
    assert instrument("violin").says[1] == ("someone", "plays the violin")


def test_word_forms():
    assert [participle(base_form(v)) for v in ("barks", "slams", "chimes", "hisses", "cries", "buzzes", "sneezes", "is")] == [
        "barking", "slamming", "chiming", "hissing", "crying", "buzzing", "sneezing", "being",
    ]  # fmt: skip
    assert [third_person(v) for v in ("bark", "hiss", "cry", "play")] == ["barks", "hisses", "cries", "plays"]
    assert [plural(n) for n in ("bark", "crash", "cry", "blast")] == ["barks", "crashes", "cries", "blasts"]
    assert [with_article(n) for n in ("dog", "alarm", "rain", "footsteps", "unicorn")] == [
        "a dog",
        "an alarm",
        "rain",
        "footsteps",
        "a unicorn",
    ]
    assert [times(n) for n in (1, 2, 3)] == ["once", "twice", "three times"]
    assert joined(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("label", "clause", "noun"),
    [
        ("wings flapping", "wings flap", "flapping wings"),
        ("rain on a tin roof", "rain falls on a tin roof", "rain on a tin roof"),
        ("fire being put out", "fire is put out", "fire being put out"),
        ("bus pulling away", "a bus pulls away", "a bus pulling away"),
        ("creaking of a ship", "the creaking of a ship sounds", "the creaking of a ship"),
        ("German speech", "someone speaks German", "German speech"),
        ("stone hit", "a stone is hit", "a hit on a stone"),
        ("skiing", "someone is skiing", "skiing"),
        ("French horn", "a French horn plays", "the sound of a French horn"),
        ("forest birds", "forest birds sound", "forest birds"),
    ],
)
def test_labels_of_other_shapes(label, clause, noun):
    found = words_for(label)
    assert " ".join(found.says[0]) == clause
    assert found.names[0] == noun
    assert "being being" not in " ".join(found.doing(0))


def test_verbs_agree_with_plural_sounds():
    bells, dog = "church bells", "a dog's bark"
    assert agreed("Is {x} over when {y} begins?", {"x": bells, "y": dog}) == "Are {x} over when {y} begins?"
    assert agreed("is {x} over when {y} begins?", {"x": dog, "y": bells}) == "is {x} over when {y} begin?"
    assert agreed("Does {x} come after {y}?", {"x": bells, "y": dog}) == "Do {x} come after {y}?"
    assert agreed("there is {x}", {"x": bells}) == "there are {x}"
    assert [many(n) for n in ("a glass", "glasses", "drops of water", "the steps of a person", "footsteps on ice", "speech")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip
