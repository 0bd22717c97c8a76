"""What a FIX session waits for, and how long."""

from __future__ import annotations

from msgspec import Struct


class Timing(Struct, frozen=True):
    """In seconds: heartbeat bounds, and timeouts for logon, logout and a gap without progress.

    `sending_time_accuracy_s` 0 turns that check off.
    """

    min_heartbeat_s: int = 1
    max_heartbeat_s: int = 300
    logon_timeout_s: float = 10
    logout_timeout_s: float = 2
    gap_timeout_s: float = 60
    sending_time_accuracy_s: float = 120
