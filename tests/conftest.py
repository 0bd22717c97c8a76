"""How much the property tests try: a little by default, for long with `make fuzz`; which files of tests begin."""

from __future__ import annotations

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
        "simulation/test_seeds", "supervisor/test_running", "pipeline/test_database", "supervisor/test_supervisor",
        "pipeline/test_faults_spread", "pipeline/test_refusals", "pipeline/test_backup", "scripts/operate/test_running",
        "pipeline/test_pages", "scripts/test_rights", "pipeline/test_downstream", "adversary/test_adversary",
        "scripts/backup/test_backup", "pipeline/test_positions", "pipeline/test_poison", "pipeline/test_faults_compact",
        "pipeline/test_systemd", "supervisor/test_watchdog", "supervisor/test_monitoring", "gateway/test_connections",
        "scripts/flow/test_flow", "pipeline/test_demo_day", "pipeline/test_accept_loss", "matcher/test_fuzz",
        "simulation/test_planted", "batcher/test_refused", "batcher/test_batcher", "scripts/test_cli",
        "pipeline/test_trading", "pipeline/test_full_disk", "pipeline/test_looking", "scripts/test_repair_journal",
        "pipeline/test_refusing_database", "matcher/test_book", "scripts/test_void", "scripts/operate/test_move",
    ))
}  # fmt: skip

# Times are no property: the machine may be busy with something else.
settings.register_profile("default", deadline=None)
settings.register_profile(
    "fuzz", deadline=None, max_examples=100 * FUZZ_FACTOR, suppress_health_check=list(HealthCheck)
)
settings.load_profile("default")


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
