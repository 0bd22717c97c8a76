"""How much the property tests try: a little by default, for long with `make fuzz`; which files of tests begin."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

from tests.small_disk import small_disk

__all__ = ["small_disk"]

FUZZ_FACTOR = 100  # as many examples as a test asks for itself

# By the seconds that a worker has them. One that is missing, or is no more, costs seconds and nothing else.
LONGEST = {
    f"tests/{file}.py": rank
    for rank, file in enumerate((
        "simulation/test_seeds", "batcher/test_batcher", "pipeline/test_database", "witness/test_leadership",
        "pipeline/test_positions", "supervisor/test_running", "adversary/test_adversary", "supervisor/test_supervisor",
        "pipeline/test_witness", "pipeline/test_faults_compact", "pipeline/test_two_nodes", "pipeline/test_backup",
        "simulation/test_planted", "scripts/test_rights", "pipeline/test_refusals", "scripts/backup/test_backup",
        "pipeline/test_pages", "pipeline/test_contributing", "pipeline/test_faults_spread", "batcher/test_refused",
        "scripts/test_cli", "pipeline/test_living_market", "pipeline/test_downstream", "scripts/flow/test_flow",
        "matcher/test_fuzz", "scripts/operate/test_running", "pipeline/test_full_disk", "batcher/test_identity",
        "simulation/test_pair", "pipeline/test_systemd", "gateway/test_connections", "shm/test_ring",
        "supervisor/test_watchdog", "pipeline/test_accept_loss", "scripts/nodes/test_rejoin", "scripts/test_void",
        "supervisor/test_monitoring", "pipeline/test_poison", "pipeline/test_refusing_database",
        "gateway/test_reservations", "pipeline/test_demo_day", "batcher/test_database", "router/test_following",
        "supervisor/test_alerts", "matcher/test_restart", "batcher/test_rebuild", "scripts/test_copies",
        "supervisor/test_full_disk", "router/test_ledger", "pipeline/test_trading", "pipeline/test_looking",
        "batcher/test_author", "router/test_refusals", "scripts/test_repair_journal", "scripts/test_committed",
        "scripts/test_damage", "simulation/test_border", "web/test_operator", "web/test_account", "web/test_orders",
        "web/test_ticket", "web/test_portfolio",
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
