"""How much the property tests try: a little by default, for long with `make fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.small_disk import small_disk

__all__ = ["small_disk"]

FUZZ_FACTOR = 100  # as many examples as a test asks for itself

# Times are no property: the machine may be busy with something else.
settings.register_profile("default", deadline=None)
settings.register_profile(
    "fuzz", deadline=None, max_examples=100 * FUZZ_FACTOR, suppress_health_check=list(HealthCheck)
)
settings.load_profile("default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test's own number of examples goes before the profile's: multiply it where the profile is `fuzz`."""
    if config.getoption("--hypothesis-profile") != "fuzz":
        return
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if test is not None and own is not None:
            function = getattr(test, "__func__", test)
            function._hypothesis_internal_use_settings = settings(
                own, max_examples=max(own.max_examples, 100) * FUZZ_FACTOR, suppress_health_check=list(HealthCheck)
            )
