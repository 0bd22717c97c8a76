"""Reasons why the api declines a request. Each dialect has a table of its own codes and words for them."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """The value is the reason in plain words; braces stand for facts of the error."""

    HISTORY_AWAY = "history is away"
    HISTORY_BEHIND = "history is behind"
    HISTORY_CROWDED = "too many questions of this address wait for history"
    TERMS_UNKNOWN = "the account's limits and fees are still being read"
    SYMBOL_UNKNOWN = "the symbol is not listed"
    TOO_MUCH_WEIGHT = "this address has used its {limit} request weight of this minute"
    ADDRESS_BANNED = "this address is banned until {until_ms}: it continued when it was refused"
    TOO_MANY_ORDERS = "this account has placed its {limit} new orders per {interval}"


class DeclinedError(Exception):
    """The api declines a request. The client may repeat it after `retry_after` seconds, where that is known."""

    def __init__(self, reason: Reason, *, retry_after: int | None = None, **facts: object) -> None:
        super().__init__(reason.value.format_map(facts))
        self.reason = reason
        self.retry_after = retry_after
        self.facts = facts
