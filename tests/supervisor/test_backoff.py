"""Restarts come soon at first, ever later while they don't help, and not for ever where nothing starts."""

from __future__ import annotations

from lockstep.procs.supervisor.backoff import HEALTHY_S, MAX_FAILED_STARTS, Backoff


def test_delays_double_up_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.failed(1.0) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_healthy_run_earns_a_quick_restart() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.failed(1.0)
    assert backoff.failed(HEALTHY_S) == 0.1


def test_starts_that_never_become_ready_are_given_up() -> None:
    backoff = Backoff()
    assert None not in [backoff.failed(None) for _ in range(MAX_FAILED_STARTS - 1)]
    assert backoff.failed(None) is None


def test_a_ready_run_forgives_failed_starts() -> None:
    backoff = Backoff()
    for _ in range(MAX_FAILED_STARTS - 1):
        backoff.failed(None)
    assert backoff.failed(1.0) is not None
    assert backoff.failed(None) is not None
