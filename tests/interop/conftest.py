"""The interop tests trade on the same real venues as the pipeline tests, and in the same browser as the page's."""

from tests.pipeline.conftest import venue
from tests.web.conftest import browser, watched

__all__ = ["browser", "venue", "watched"]
