"""English word forms by rule: participles, third person, plurals, articles, numbers. Enough for names of sounds; no dictionary."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_VOWELS = "aeiou"
# what makes a sound, in the form without ending; the first word of a label that is one of these is no thing but a deed
_VERBS = """
applaud bang bark beat beep bellow blare blast bleat bleep blow boil bounce bray break buzz call caw chatter chew chime chirp chug clang
clank clap clash clatter click clink cluck cough crack crackle crash creak croak crow crunch cry drip drive drop explode fall fire flap
flow flush flutter fly gallop gobble grind groan growl grunt gurgle hammer hiss honk hoot howl hum hit jangle jingle knock laugh meow
moan moo murmur neigh oink open pass patter play pop pound pour purr quack rain rattle ring rip roar roll rumble run rush rustle saw
scrape scratch scream screech shake shatter shout sing sizzle skid slam slide slurp smash snap snarl sneeze snip snore sob speak spin
splash squeak squeal squelch start stop strike swing swish talk tap tear thud thump tick tinkle toll trumpet twang twitter type wail
walk warble whine whinny whir whisper whistle whoosh yell yelp zap
burn chant chatter choke clap click close crumple drag drum fill flick grab howl idle jump lap melt move mow peck pull push roll
say scrub shoot skip slap sniff spray squirt swirl swoop throw trickle turn twist unlock walk wave whack wheeze
"""
VERBS = frozenset(_VERBS.split())
_MASS = """
rain wind thunder music speech laughter applause water traffic noise static fire snow hail ice sand gravel grass wood metal paper glass
code tennis lava something someone fabric cloth steam smoke machinery silence percussion electricity magic ambience weather surf breathing
"""
MASS = frozenset(_MASS.split())
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TIMES = ("never", "once", "twice")


def pick(options: Sequence[T], style: int, slot: str) -> T:
    """One of the options, by the style and the name of the slot alone: what else a sentence holds does not change it."""
    return options[zlib.crc32(f"{style}/{slot}".encode()) % len(options)]


def chance(style: int, slot: str) -> float:
    """As ``random()``, by the style and the name of the slot."""
    return (zlib.crc32(f"{style}/{slot}?".encode()) % 100_003) / 100_003


def base_form(verb: str) -> str:
    """``barks`` → ``bark``, ``hisses`` → ``hiss``, ``cries`` → ``cry``; a form without ending (``birds sing``) stays."""
    if verb in ("is", "goes", "does", "has"):
        return {"is": "be", "goes": "go", "does": "do", "has": "have"}[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if re.search(r"(ss|sh|ch|zz|x)es$", verb):
        return verb[:-2]
    if verb.endswith("s") and not verb.endswith("ss"):
        return verb[:-1]
    return verb


def going(verb: str) -> str:
    """As a participle: ``slams shut`` → ``slamming shut``, ``is counting`` → ``counting``, ``is hit`` → ``being hit``."""
    first, _, rest = verb.partition(" ")
    if first == "is" and rest.partition(" ")[0].endswith("ing"):
        return rest
    return f"{participle(base_form(first))} {rest}".strip()


def third_person(base: str) -> str:
    if base.endswith(("s", "sh", "ch", "x", "zz")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ies"
    return base + "s"


def participle(base: str) -> str:
    """``bark`` → ``barking``, ``slam`` → ``slamming``, ``chime`` → ``chiming``."""
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "ye", "oe")) and base != "be":
        return base[:-1] + "ing"
    if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", base):
        return base + base[-1] + "ing"
    return base + "ing"


def deed(word: str) -> str | None:
    """The verb without ending that a word of a label is a form of, if we know it: ``barking``, ``barks`` and ``bark`` → ``bark``."""
    if word in VERBS:
        return word
    if word.endswith("ing") and len(word) > 4:
        for known in (word[:-3], word[:-3] + "e", word[:-4]):
            if known in VERBS and participle(known) == word:
                return known
    return word[:-1] if word.endswith("s") and word[:-1] in VERBS else None


def is_plural(noun: str) -> bool:
    last = noun.split()[-1]
    if last == "people":
        return True
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in ("gas", "brass", "bass")


def plural(noun: str) -> str:
    if noun.endswith(("s", "sh", "ch", "x", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def with_article(noun: str) -> str:
    """``dog`` → ``a dog``, ``alarm`` → ``an alarm``; mass and plural nouns stay bare."""
    head = re.split(r" (?:of|in|on|at|by|from|with) ", noun)[0]
    if re.match(r"(a|an|the|some|something|someone|people|several|two|three) ", noun + " ") or head.split()[-1] in MASS or is_plural(head):
        return noun
    if head.endswith("ing") and head != noun and len(head.split()) == 1:  # creaking of a ship
        return f"the {noun}"
    return f"{'an' if noun[0].lower() in _VOWELS and not noun.startswith(('uni', 'use', 'eu', 'one')) else 'a'} {noun}"


def bare(noun: str) -> str:
    return re.sub(r"^(a|an|the|some) ", "", noun)


def number(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def times(n: int) -> str:
    """``once``, ``twice``, ``three times``"""
    return _TIMES[n] if n < len(_TIMES) else f"{number(n)} times"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def joined(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``"""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation, as spoken texts are compared."""
    return tuple(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower()))
