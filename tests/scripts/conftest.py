"""The commands' tests run the same real venues as the pipeline tests."""

from tests.pipeline.conftest import venue

__all__ = ["venue"]
