"""The population's own accounts at a venue: an operator defines those that are missing, and pays in what they lack."""

from __future__ import annotations

import base64
import hmac
import http
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lockstep.cli.demo.person import Person, ProblemError

MAKERS = ("MAKER1", "MAKER2", "MAKER3")
NOISE = ("NOISE1", "NOISE2")
TRENDS = ("TREND1",)
NAMES = (*MAKERS, *NOISE, *TRENDS)


class AccountsError(Exception):
    """The accounts can't be had; the message says why, and what to do."""


def password_of(name: str, secret: str) -> str:
    """What an account logs in with: only who has the operator's password can know it, and it is kept nowhere."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), f"lockstep demo {name}".encode(), "sha256")).decode()


def establish(operator: Person, people: Sequence[Person], wanted: Mapping[str, Decimal]) -> None:
    """See that these people can log in, and that none has less than half of what is `wanted` of an asset: who has gets
    nothing more, however often this is done. Nobody is paid before all have logged in: anybody may have registered by
    such a name. AccountsError, OSError."""
    try:
        operator.prove()
        for person in people:
            if not _is_there(operator, person.name):
                operator.ask("POST", "/operator/accounts", {"name": person.name, "password": person.password})
        for person in people:
            _log_in(operator, person)
        for person in people:
            _pay_in(operator, person.name, wanted)
        operator.log_out()
    except ProblemError as error:
        raise AccountsError(f"{operator.name} can't set up the accounts of the market: {error}") from error


def _log_in(operator: Person, person: Person) -> None:
    try:
        person.ask("GET", "/account")
    except ProblemError as error:
        why = f"{person.name} can't log in by the password that follows from {operator.name}'s: {error}"
        what = f"two operators reset {person.name}'s"
        raise AccountsError(f"{why}; if that was changed since, or somebody has registered so, {what}") from error


def _is_there(operator: Person, name: str) -> bool:
    try:
        operator.ask("GET", f"/operator/accounts/{name}")
    except ProblemError as error:
        if error.status != http.HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _pay_in(operator: Person, name: str, wanted: Mapping[str, Decimal]) -> None:
    balances = operator.ask("GET", f"/operator/accounts/{name}/balances")
    has = {each["asset"]: Decimal(each["total"]) for each in balances}
    for asset, amount in wanted.items():
        lacks = amount - has.get(asset, Decimal(0))
        if 2 * lacks > amount:
            body = {"account": name, "asset": asset, "amount": f"{lacks:f}"}
            try:
                proposal = operator.ask("POST", "/operator/deposits", body).get("proposal")
            except ProblemError as error:
                if error.code != "NUMBER_TOO_LARGE":
                    raise
                raise AccountsError(
                    f"{name} needs {lacks:f} {asset}, which is more than the venue can hold: leave out what trades "
                    f"{asset}, by --symbols"
                ) from error
            if proposal:
                raise AccountsError(
                    f"{name} needs {lacks:f} {asset}, which takes two operators here: have another one approve it "
                    "(lockstep deposits), then repeat this"
                )
