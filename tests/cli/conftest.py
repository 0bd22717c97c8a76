"""The commands' tests run the same real venues as the pipeline tests."""

from tests.pipeline.conftest import venue

__all__ = ["venue"]

SEGMENT_BYTES = 64 * 4096  # of a journal that a test writes by itself
