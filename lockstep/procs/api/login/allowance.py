"""How often something may be done in an hour: by one address, and by all together.

Only what was done counts: an attempt that fails is given back. Times are given, and memory is bounded.
"""

from __future__ import annotations

from lockstep.core.edge.party import party_of

HOUR_S = 3600
MOST_KEPT = 65_536  # addresses


class Allowance:
    """Counts by the hour. An address that has used up its own takes nothing of what others have."""

    def __init__(self, of_address: int, of_all: int) -> None:
        self._of_address = of_address
        self._of_all = of_all
        self._hour = -1
        self._count = 0
        self._counts: dict[str, int] = {}

    def wait_s(self, address: str, now_s: float) -> int:
        """Return 0 if it may be done now, else after how many seconds to try again. It counts nothing."""
        address = party_of(address)
        hour = int(now_s // HOUR_S)
        if hour != self._hour:
            self._hour, self._count, self._counts = hour, 0, {}
        count = self._counts.get(address, 0)
        is_known = address in self._counts or len(self._counts) < MOST_KEPT
        if count >= self._of_address or self._count >= self._of_all or not is_known:
            return int(HOUR_S - now_s % HOUR_S) + 1
        return 0

    def take(self, address: str, now_s: float) -> int:
        """Count one; 0 if it may be done, else after how many seconds to try again."""
        wait_s = self.wait_s(address, now_s)
        if not wait_s:
            address = party_of(address)
            self._counts[address] = self._counts.get(address, 0) + 1
            self._count += 1
        return wait_s

    def give_back(self, address: str) -> None:
        """Take back one that was counted and then not done. In a new hour there is nothing to take back."""
        address = party_of(address)
        count = self._counts.get(address, 0)
        if count:
            self._count -= 1
            if count == 1:
                del self._counts[address]
            else:
                self._counts[address] = count - 1
