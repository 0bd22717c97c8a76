"""What /v1 answers by reasons and codes: its own words, and statuses that both dialects have in common."""

from __future__ import annotations

import pytest

from lockstep.core.schema.records import Code
from lockstep.procs.api.binance.errors import declined, refusal
from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.v1.problems import problem_of, refused


@pytest.mark.parametrize("code", [code for code in Code if code])
def test_a_refusal_has_one_status_but_that_a_session_goes_on(code: Code) -> None:
    """401 in the dialect, whose keys sign each request, is 403 here: to log in again would not help."""
    status = refusal(code).status
    goes_on = code != Code.SESSION_ENDED
    assert refused(code).status == (403 if status == 401 and goes_on else status)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_has_one_status_and_the_same_wait(reason: Reason) -> None:
    error = DeclinedError(reason, retry_after=7, limit=5, until_ms=10**12, interval="1 DAY")
    told, problem = declined(error), problem_of(error)
    assert problem.status == told.status
    if reason.name.startswith(("TOO", "ADDRESS")):
        assert problem.retry_after == told.retry_after == 7
    assert str(error) in problem.detail[:1].lower() + problem.detail[1:]
    assert "{" not in problem.detail + told.text
