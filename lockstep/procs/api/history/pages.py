"""History page by page.

Each page is a question of its own, by key: no transaction and no connection waits for a reader, and memory holds one
page, however much there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from lockstep.procs.api.history.rows import Read

MOST_ROWS = 1000  # of a page
Row = TypeVar("Row")
Place = TypeVar("Place")


async def pages(
    ask: Callable[[Place, int], Awaitable[Read[Row]]], place: Place, behind: Callable[[Row], Place]
) -> AsyncIterator[Read[Row]]:
    """Yield what `ask` has from a place on, up to so many rows, and then from `behind` the last of them, until there is
    a page that is not full. What `ask` raises."""
    while True:
        read = await ask(place, MOST_ROWS)
        yield read
        if len(read.rows) < MOST_ROWS:
            return
        place = behind(read.rows[-1])
