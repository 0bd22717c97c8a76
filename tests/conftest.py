"""How much the property tests try: a little by default, for long with `make fuzz`; which files of tests begin."""

from __future__ import annotations

import ctypes
import gc

import pytest
from hypothesis import HealthCheck, settings

from tests.small_disk import small_disk

__all__ = ["small_disk"]

pytest_plugins = ("tests.skips",)

FUZZ_FACTOR = 100  # as many examples as a test asks for itself

# By the seconds that a worker has them. One that is missing, or is no more, costs seconds and nothing else.
LONGEST = {
    f"tests/{file}.py": rank
    for rank, file in enumerate((
        "simulation/test_pair", "shm/test_ring", "batcher/test_batcher", "pipeline/test_living_market",
        "simulation/test_planted", "pipeline/test_pages", "cli/test_cli", "batcher/test_refused",
        "pipeline/test_contributing", "cli/nodes/test_pairing", "web/test_operator", "simulation/test_seeds",
        "matcher/test_fuzz", "pipeline/test_systemd", "pipeline/test_two_nodes", "cli/test_void",
        "cli/flow/test_flow", "cli/backup/test_backup", "cli/operate/test_running", "batcher/test_database",
        "pipeline/test_database", "pipeline/test_accept_loss", "web/test_account", "web/test_ticket",
        "cli/nodes/test_rejoin", "web/test_robust", "web/test_portfolio", "web/test_orders", "web/test_book",
        "web/test_help", "pipeline/test_faults_compact", "pipeline/test_positions", "supervisor/test_running",
        "pipeline/test_poison", "pipeline/test_refusals", "pipeline/test_backup", "adversary/test_adversary",
        "api/test_market_archive", "api/test_archive", "supervisor/test_supervisor", "pipeline/test_faults_spread",
        "batcher/test_identity", "pipeline/test_refusing_database", "gateway/test_connections",
        "pipeline/test_demo_day", "web/test_trade", "web/test_access", "cli/test_rights", "simulation/test_border",
        "pipeline/test_full_disk", "pipeline/test_gateways", "batcher/test_author", "web/test_market",
        "supervisor/test_watchdog", "pipeline/test_schemathesis", "supervisor/test_monitoring",
        "pipeline/test_operating", "pipeline/test_downstream",
        "web/test_units", "publisher/test_statistics", "pipeline/test_streams", "web/test_pictures",
        "gateway/test_reservations", "pipeline/test_join", "api/test_history",
    ))
}  # fmt: skip

# Times are no property: the machine may be busy with something else.
settings.register_profile("default", deadline=None)
settings.register_profile(
    "fuzz", deadline=None, max_examples=100 * FUZZ_FACTOR, suppress_health_check=list(HealthCheck)
)
settings.load_profile("default")

gc.disable()  # until all tests are collected: what is made on the way stays


def pytest_collection_finish() -> None:
    """From here on collections look at what tests make, and not at thousands of tests: a tenth of a worker's time."""
    gc.freeze()
    gc.enable()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Give memory back after each file: glibc keeps what tests have freed, several GB in a worker that runs many."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take longest begin, so that no worker is left with one at the end."""
    items.sort(key=lambda item: LONGEST.get(item.nodeid.partition("::")[0], len(LONGEST)))  # stable: else as collected
    if config.getoption("--hypothesis-profile") == "fuzz":
        try_for_long(items)


def try_for_long(items: list[pytest.Item]) -> None:
    """A test's own number of examples goes before the profile's: multiply it where the profile is `fuzz`."""
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if test is not None and own is not None:
            function = getattr(test, "__func__", test)
            function._hypothesis_internal_use_settings = settings(
                own, max_examples=max(own.max_examples, 100) * FUZZ_FACTOR, suppress_health_check=list(HealthCheck)
            )
