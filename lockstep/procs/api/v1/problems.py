"""What /v1 answers where something is wrong: problem details (RFC 9457) with a stable code of the venue's."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.turns import BusyError
from lockstep.core.intake.codes import text_of
from lockstep.core.journal.format import JournalError
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.schema.decimals import in_units
from lockstep.core.schema.records import Code
from lockstep.core.venue.venue_key import VenueKeyError
from lockstep.procs.api.answers import NoAnswerError, WrongQuestionError
from lockstep.procs.api.directories import ReadingError
from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.history.rows import HistoryUnavailableError
from lockstep.procs.api.login.login import LoginError
from lockstep.procs.api.login.passwords import WeakPasswordError
from lockstep.procs.api.login.registry import NotSentError, RefusedError
from lockstep.procs.api.login.sessions import SessionEndedError, SessionsAwayError
from lockstep.procs.api.requests import UnknownOutcome
from lockstep.procs.api.settlement import Unsettled

MEDIA_TYPE = "application/problem+json"
RETRY_S = 1
MOST_UNITS = 2**63 - 1
# HTTP statuses of refusals; 400 for all others.
STATUS = {Code.VENUE_BUSY: 503, Code.JOURNAL_FULL: 503, Code.ORDER_RATE: 429} | dict.fromkeys(
    (
        Code.UNKNOWN_ACCOUNT, Code.NOT_AN_OPERATOR, Code.SAME_OPERATOR, Code.KEY_UNKNOWN, Code.KEY_REVOKED,
        Code.KEY_EXPIRED, Code.KEY_SCOPE, Code.ROLE_NOT_ALLOWED, Code.OWN_WITHDRAWAL, Code.RESET_NEEDED,
        Code.RESET_UNKNOWN, Code.SECOND_NEEDED, Code.NO_SECOND, Code.OWN_ACCOUNT,
    ),
    403,
)  # fmt: skip
# Status and code of a reason; with any other, the database or another part of the venue is away.
DECLINED = {
    Reason.SYMBOL_UNKNOWN: (400, "REFUSED"),
    Reason.TOO_MUCH_WEIGHT: (429, "TOO_MANY_REQUESTS"),
    Reason.ADDRESS_BANNED: (418, "BANNED"),
    Reason.TOO_MANY_ORDERS: (429, "TOO_MANY_REQUESTS"),
}


class ProblemError(Exception):
    """An answer that says what is wrong; `code` never changes its meaning, `field` is what of the request is wrong."""

    def __init__(
        self, status: int, code: str, detail: str, *, field: str | None = None, retry_after: int | None = None,
        number: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after = retry_after
        self.number = number

    def answer(self, path: str) -> Response[bytes]:
        """The response."""
        body: dict[str, Any] = {
            "type": f"/docs#{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": path,
            "code": self.code,
        }
        if self.field is not None:
            body["field"] = self.field
        if self.number is not None:
            body["number"] = self.number
        headers = {"retry-after": str(self.retry_after)} if self.retry_after is not None else {}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = 'Bearer realm="lockstep"'
        return Response(msgspec.json.encode(body), status_code=self.status, headers=headers, media_type=MEDIA_TYPE)


def not_authenticated() -> ProblemError:
    return ProblemError(401, "NOT_AUTHENTICATED", "This needs an access token: log in at /v1/auth/login.")


def session_ended() -> ProblemError:
    return ProblemError(
        401, "SESSION_ENDED", "This session has ended, or its token has expired: refresh it, or log in."
    )


def not_allowed(what: str) -> ProblemError:
    return ProblemError(403, "NOT_ALLOWED", what)


def proof_needed() -> ProblemError:
    text = "This asks you to prove again who you are: POST /v1/auth/step-up first, then send it again within 5 minutes."
    return ProblemError(403, "PROOF_NEEDED", text)


def not_found(what: str, field: str | None = None) -> ProblemError:
    return ProblemError(404, "NOT_FOUND", what, field=field)


def invalid(field: str | None, what: str) -> ProblemError:
    return ProblemError(422, "INVALID", what, field=field)


def market_data_away(error: Exception) -> ProblemError:
    return ProblemError(503, "MARKET_DATA_AWAY", f"Market data is away: {error}.", retry_after=RETRY_S)


def refused(code: Code, field: str | None = None, detail: str | None = None) -> ProblemError:
    """What the venue has refused by one of its codes. To log in again would not help, so nothing else is 401."""
    if code == Code.SESSION_ENDED:
        return session_ended()
    return ProblemError(STATUS.get(code, 400), code.name, detail or text_of(code), field=field, number=code.value)


def units_of(amount: str, scale: int, field: str) -> int:
    """An amount above zero, in an asset's smallest units. ProblemError."""
    try:
        units = in_units(amount, scale)
    except ValueError as error:
        raise invalid(field, str(error)) from None
    if units <= 0:
        raise refused(Code.QUANTITY_NOT_POSITIVE, field)
    if units > MOST_UNITS:
        raise refused(Code.NUMBER_TOO_LARGE, field)
    return units


def problem_of(error: Exception) -> ProblemError:
    """What to say of an error that is no bug."""
    match error:
        case ProblemError():
            return error
        case LoginError():
            text = "Name, password or code is wrong. Who has a second factor sends a fresh code of it, too."
            return ProblemError(401, "LOGIN_FAILED", text)
        case SessionEndedError():
            return session_ended()
        case SessionsAwayError():
            text = "Sessions can't be read or written now: the database is away. Orders by API key go on."
            return ProblemError(503, "SESSIONS_AWAY", text, retry_after=RETRY_S)
        case NotPossibleError(code=Code.UNKNOWN_ACCOUNT):
            return not_found(sentence(str(error)), error.field)
        case NotPossibleError() if error.code:
            return refused(error.code, error.field or None)
        case NotPossibleError():
            return ProblemError(422, "INVALID", sentence(str(error)), field=error.field or None)
        case WrongQuestionError():
            return ProblemError(422, "INVALID", sentence(str(error)))
        case NoAnswerError():
            return ProblemError(503, "NO_ANSWER", str(error), retry_after=RETRY_S)
        case ReadingError() | JournalError():
            return ProblemError(503, "BUSY", sentence(str(error)), retry_after=RETRY_S)
        case NotSentError():
            problem = refused(Code.VENUE_BUSY)
            problem.retry_after = RETRY_S
            return problem
        case BusyError():
            return ProblemError(503, "BUSY", sentence(str(error)), retry_after=RETRY_S)
        case RefusedError():
            return refused(error.code)
        case UnknownOutcome():
            text = "The request was sent, and what came of it is not known yet: ask, before you send it again."
            return ProblemError(504, "OUTCOME_UNKNOWN", text)
        case HistoryUnavailableError():
            return ProblemError(503, "AWAY", "History is away: the database gives no answer.", retry_after=RETRY_S)
        case Unsettled():
            text = "Balances do not have all that the account's orders have changed yet."
            return ProblemError(503, "AWAY", text, retry_after=RETRY_S)
        case WeakPasswordError():
            return ProblemError(422, "WEAK_PASSWORD", str(error), field="password")
        case DeclinedError():
            status, code = DECLINED.get(error.reason, (503, "AWAY"))
            return ProblemError(status, code, sentence(str(error)), retry_after=error.retry_after)
        case VenueKeyError():
            log.error("venue_key", why=str(error))
            return ProblemError(
                503, "VENUE_KEY", "The venue's key does not open what is sealed: its operator must look."
            )
        case RecursionError():  # of JSON that goes thousands of lists deep
            return ProblemError(400, "BAD_REQUEST", "The body is nested too deeply.")
        case UnicodeDecodeError():  # of JSON that is not UTF-8
            return ProblemError(400, "BAD_REQUEST", "The body is not UTF-8.")
        case ValidationException():
            return _invalid(error)
        case HTTPException():
            detail = error.detail or HTTPStatus(error.status_code).phrase
            return ProblemError(error.status_code, HTTPStatus(error.status_code).name, detail)
    raise error


def sentence(text: str) -> str:
    """A text as people read it, when it stands alone."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _invalid(error: ValidationException) -> ProblemError:
    """The first thing that is wrong with what was sent."""
    found = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field = str(found.get("key", "")) or None
    if found.get("message") == "'data'":  # Litestar's name for the body, where there is none
        return ProblemError(422, "INVALID", "This asks for a body, as JSON.")
    return ProblemError(422, "INVALID", str(found.get("message") or error.detail), field=field)


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's handler of every exception."""
    try:
        problem = problem_of(error)
    except Exception:
        log.error("request_failed", route=request.url.path, trace="".join(traceback.format_exception(error)))
        problem = ProblemError(500, "INTERNAL", "Something is wrong inside the venue; its log says what.")
    return problem.answer(request.url.path)
