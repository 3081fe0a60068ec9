"""Train and dev: whole families, dealt label by label. The search benchmark's test half is in neither, or there is no corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from clips import seeded
from fetch import BuildError

SHARE = 0.12  # of a label's families in dev
FEWEST = 6  # a label with fewer families is learned from whole
PLENTY = 20  # a label with so many families has at least FIVE of them in dev
FIVE = 5


def deal(families: Mapping[str, Sequence[str]], prefer: Iterable[str] = (), fixed: Mapping[str, str] | None = None) -> dict[str, str]:
    """Family -> train or dev. ``families``: the labels of each; rare labels are served first.

    prefer: families that go to dev before others. fixed: families whose side is given, e.g. of a speaker held out.
    """
    side = dict(fixed or {})
    liked = set(prefer)
    members: dict[str, list[str]] = defaultdict(list)
    for family, labels in families.items():
        for label in labels or ("",):
            members[label].append(family)
    for label in sorted(members, key=lambda label: (label == "", len(members[label]), label)):
        own = members[label]
        wanted = _wanted(len(own))
        have = sum(side.get(f) == "dev" for f in own)
        free = sorted((f for f in own if f not in side), key=lambda f: (f not in liked, seeded("dev " + f)))
        spare = [f for f in free if all(_wanted(len(members[other])) for other in families[f])]
        chosen = spare[: max(0, wanted - have)]
        if wanted and not have and not chosen:  # each has a rare label besides; one goes all the same
            chosen = free[:1]
        side |= dict.fromkeys(chosen, "dev")
    return {family: side.get(family, "train") for family in families}


def _wanted(count: int) -> int:
    if count < FEWEST:
        return 0
    return max(FIVE if count >= PLENTY else 1, round(SHARE * count))


def refuse_overlap(families: Iterable[str], hashes: Iterable[str], test_families: Iterable[str], test_hashes: Iterable[str]) -> None:
    """Raises BuildError if the corpus shares a family or a file with what is only for testing."""
    shared = sorted(set(families) & set(test_families)) or sorted(set(hashes) & set(test_hashes))
    if shared:
        raise BuildError(
            f"The corpus holds {len(shared)} of the benchmark's test half, e.g. {shared[0]}. It was not written: "
            "what is measured on must not be learned from."
        )
