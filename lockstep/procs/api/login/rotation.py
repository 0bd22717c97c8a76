"""Which refresh tokens a session takes, all of them as SHA-256.

Each is good once, and the one before is taken again for a minute: an answer that got lost must log nobody out. Tokens
that one and the same token was answered by are good beside each other until one of them is used. So two who hold
descendants of one token can't both go on: the first use of one makes the other a token that is taken no more.
"""

from __future__ import annotations

from typing import NamedTuple

GRACE_S = 60
MOST_BESIDE = 7


class Rotation(NamedTuple):
    """Times are seconds since 1970."""

    refresh: bytes  # the newest that is good
    beside: list[bytes]  # as good, the newest first
    spent: list[bytes]  # what these were answers to
    rotated_s: float | None  # when that was used first, and never again

    def takes(self, token: bytes) -> bool:
        """Whether it is good now, and was never used."""
        return token == self.refresh or token in self.beside

    def takes_again(self, token: bytes, now_s: float) -> bool:
        """Whether it was used, so lately that its answer may have got lost."""
        return token in self.spent and self.rotated_s is not None and now_s - self.rotated_s < GRACE_S

    def used(self, token: bytes, fresh: bytes, now_s: float) -> Rotation | None:
        """Behind a use that `fresh` answers; None: whoever sent this token or the next one has stolen it."""
        if self.takes(token):
            return Rotation(fresh, [], [token], now_s)
        if self.takes_again(token, now_s):
            return Rotation(fresh, [self.refresh, *self.beside][:MOST_BESIDE], self.spent, self.rotated_s)
        return None

    def proved(self, token: bytes, fresh: bytes, now_s: float) -> Rotation:
        """Behind a proof that `fresh` answers, of a browser that has `token`: others' are taken no more, not even the
        good ones; but where its own was used again meanwhile, those that this was answered by are its own, too."""
        if self.takes(token):
            return Rotation(fresh, [], [token], now_s)
        if self.takes_again(token, now_s):
            return Rotation(fresh, [], [token, self.refresh, *self.beside], now_s)
        return Rotation(fresh, [], [], now_s)
