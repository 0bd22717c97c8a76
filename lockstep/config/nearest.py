"""What a misspelt name may have meant, in words for its writer.

It only words: what exists is told to it.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher
from heapq import nlargest

MOST = 5


def nearest(name: str, names: Collection[str]) -> str:
    """Says which of `names` there are, or, of many, the five that look most like `name`, whatever their case."""
    if len(names) <= MOST:
        return f"there are {', '.join(names) or 'none yet'}"
    likeness = SequenceMatcher(b=name.casefold())

    def like(other: str) -> float:
        likeness.set_seq1(other.casefold())
        return likeness.ratio()

    return f"the nearest are {', '.join(nlargest(MOST, names, key=like))}"
