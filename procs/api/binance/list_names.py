"""The names that clients give their lists of two orders: kept by this process, and in no record of the log.

A name is noted when the list is sent, by the client id of its first order, as its events come before its number is
known. A list without a noted name is called by that client id.
"""

from __future__ import annotations

MOST_NAMES = 65_536


class ListNames:
    """The last `MOST_NAMES` names."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, bytes], bytes] = {}
        self._firsts: dict[tuple[int, bytes], bytes] = {}

    def note(self, account: int, first: bytes, name: bytes) -> None:
        """A list whose first order has the client id `first` is called `name`."""
        if len(self._names) >= MOST_NAMES:
            (of, oldest), its_name = next(iter(self._names.items()))
            del self._names[of, oldest]
            self._firsts.pop((of, its_name), None)
        self._names[account, first] = name
        self._firsts[account, name] = first

    def name_of(self, account: int, first: bytes) -> bytes:
        """The name of the list whose first order has this client id."""
        return self._names.get((account, first), first)

    def first_of(self, account: int, name: bytes) -> bytes:
        """The client id of the first order of the list that is called `name`."""
        return self._firsts.get((account, name), name)
