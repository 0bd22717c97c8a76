"""How much the property tests try: a little by default, for long with `make fuzz`; which files of tests begin."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

from tests.small_disk import small_disk

__all__ = ["small_disk"]

FUZZ_FACTOR = 100  # as many examples as a test asks for itself

# By the CPU-seconds of all their processes, and some that mostly wait. One that is missing, or is no more, costs
# seconds and nothing else.
LONGEST = {
    f"tests/{file}.py": rank
    for rank, file in enumerate((
        "simulation/test_seeds", "supervisor/test_running", "scripts/test_rights", "supervisor/test_supervisor",
        "pipeline/test_refusals", "pipeline/test_database", "pipeline/test_backup", "pipeline/test_faults_spread",
        "scripts/backup/test_backup", "pipeline/test_positions", "adversary/test_adversary", "pipeline/test_two_nodes",
        "matcher/test_fuzz", "pipeline/test_pages", "batcher/test_refused", "pipeline/test_downstream",
        "pipeline/test_faults_compact", "scripts/operate/test_running", "scripts/backup/test_proving",
        "batcher/test_batcher", "scripts/flow/test_flow", "pipeline/test_contributing", "batcher/test_identity",
        "pipeline/test_accept_loss", "pipeline/test_poison", "pipeline/test_demo_day", "batcher/test_database",
        "simulation/test_planted", "scripts/test_cli", "pipeline/test_systemd", "pipeline/test_full_disk",
        "supervisor/test_watchdog", "supervisor/test_monitoring", "batcher/test_rebuild", "scripts/test_copies",
        "gateway/test_connections", "matcher/test_book", "recovery/test_snapshot_catalog", "router/test_following",
        "scripts/test_repair_journal", "pipeline/test_refusing_database", "matcher/test_restart",
        "pipeline/test_looking", "scripts/operate/test_move", "scripts/test_void", "scripts/nodes/test_rejoin",
        "witness/test_leadership",
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
