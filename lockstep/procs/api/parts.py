"""Long answers made a part at a time, so that orders don't wait for them, and lists of JSON put together again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

MOST_ROWS = 500  # of a part that is written in C
MOST_OBJECTS = 50  # of one whose rows are Python's objects

_Item = TypeVar("_Item")


async def parts(items: Sequence[_Item], most: int) -> AsyncIterator[Sequence[_Item]]:
    """The items, `most` at a time; between two of these the loop turns."""
    for begin in range(0, len(items), most):
        if begin:
            await asyncio.sleep(0)
        yield items[begin : begin + most]


def joined(lists: Sequence[bytes]) -> bytes:
    """Lists of JSON as one."""
    return b"[%s]" % b",".join(each[1:-1] for each in lists if each != b"[]")
