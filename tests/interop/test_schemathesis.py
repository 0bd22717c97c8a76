"""What /v1 says of itself in its description is what it does: Schemathesis asks for everything, rightly and wrongly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.environments import FOLDER
from tests.passwords import PASSWORD
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person

pytestmark = pytest.mark.interop
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# What ends the session or the account that it asks as, or waits on purpose: guesses are delayed.
EXAMPLES = "10"  # of each operation, beside those that cover its description
NOT_ASKED = "^/v1/(auth/|kill-switch|operator/accounts)"
RUN_S = 400


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


@pytest.mark.timeout(RUN_S + 100)
@pytest.mark.parametrize("name", ["TRADER3", "OPERATOR1"])
def test_what_is_described_is_what_is_answered(venue: RunningVenue, tmp_path: Path, name: str) -> None:
    assert venue.api_port is not None
    person = Person(venue.api_port)
    person.log_in(name, PASSWORD)
    person.prove(PASSWORD)
    command: list[str | Path] = [
        FOLDER / "schemathesis" / "bin" / "schemathesis", "run", f"http://127.0.0.1:{venue.api_port}/v1/openapi.json",
        "--header", f"Authorization: Bearer {person.token}", "--checks", CHECKS, "--max-examples", EXAMPLES,
        "--phases", "examples,coverage,fuzzing", "--seed", "1", "--generation-database", "none", "--no-color",
        "--exclude-path-regex", NOT_ASKED,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_S, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
