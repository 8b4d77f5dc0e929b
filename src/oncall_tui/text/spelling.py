"""The word that a misspelt one stands for: one judgement for the configuration, filters and commands."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 48
# Words that are one letter from a field's name, and are labels in their own right.
_OWN_WORDS = frozenset({"stage", "cause", "season", "tile", "statue", "by"})


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that is spelled most like *word*, or an empty string. Case makes no difference."""
    if len(word) > LONGEST:
        return ""
    from difflib import get_close_matches  # only where there is a mistake to explain

    folded = {choice.casefold(): choice for choice in choices}
    found = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def misspelt(word: str, choices: Iterable[str]) -> str:
    """The choice that *word* certainly stands for though it is another word; empty where it may be one of its own.

    One wrong, missing, doubled or swapped letter; two where the word is long.
    """
    low = word.casefold()
    if low in _OWN_WORDS or len(low) > LONGEST:
        return ""
    near = [(distance(low, choice.casefold()), choice) for choice in choices if choice != word]
    best = min(near, default=(99, ""))
    far = 2 if min(len(low), len(best[1])) >= 7 else 1 if min(len(low), len(best[1])) >= 4 else 0
    return best[1] if best[0] <= far else ""


def distance(one: str, other: str) -> int:
    """Count the letters to put in, leave out, change or swap with the next that make one of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row, two_ago = row, [i], before
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, two_ago[j - 2] + 1)
            row.append(cost)
        before = last
    return row[-1]
