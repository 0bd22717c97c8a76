"""How long to wait before the venue is started again, and when to give up.

It counts and computes; it never waits and reads no clock.
"""

from __future__ import annotations

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0
HEALTHY_S = 60.0  # a venue that was ready this long has earned a quick restart
MAX_FAILED_STARTS = 10  # in a row, none of which became ready


class Backoff:
    """Delays double from failure to failure, and start over after a healthy run."""

    def __init__(self, longest_delay_s: float = LONGEST_DELAY_S) -> None:
        self.longest_delay_s = longest_delay_s
        self._failures = 0
        self._failed_starts = 0

    def failed(self, ready_s: float | None) -> float | None:
        """The venue ended after `ready_s` seconds of being ready (None: it never was).

        Returns the delay in seconds before the next start, or None if starting again is hopeless.
        """
        if ready_s is None:
            self._failed_starts += 1
        else:
            self._failed_starts = 0
            if ready_s >= HEALTHY_S:
                self._failures = 0
        self._failures += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            return None
        return min(FIRST_DELAY_S * 2.0 ** (self._failures - 1), self.longest_delay_s)
