"""The population's own accounts at a venue: an operator defines those that are missing, and pays in what they lack."""

from __future__ import annotations

import base64
import hmac
import http
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from lockstep import V1, VenueError
from lockstep.client.v1 import Balance

MAKERS = ("MAKER1", "MAKER2", "MAKER3")
NOISE = ("NOISE1", "NOISE2")
TRENDS = ("TREND1",)
NAMES = (*MAKERS, *NOISE, *TRENDS)


class AccountsError(Exception):
    """The accounts can't be had; the message says why, and what to do."""


def password_of(name: str, secret: str) -> str:
    """What an account logs in with: only who has the operator's password can know it, and it is kept nowhere."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), f"lockstep demo {name}".encode(), "sha256")).decode()


async def establish(operator: V1, people: Sequence[V1], wanted: Mapping[str, Decimal]) -> None:
    """See that these people can log in, and that none has less than half of what is `wanted` of an asset: who has gets
    nothing more, however often this is done. Nobody is paid before all have logged in: anybody may have registered by
    such a name. AccountsError, and VenueError where the venue does not answer."""
    try:
        await operator.prove()
        for person in people:
            if not await _is_there(operator, person.name):
                account = {"name": person.name, "password": person.password}
                await operator.ask("POST", "/operator/accounts", Any, account)
        for person in people:
            await _log_in(operator, person)
        for person in people:
            await _pay_in(operator, person.name, wanted)
        await operator.log_out()
    except VenueError as error:
        if not error.status:
            raise
        raise AccountsError(f"{operator.name} can't set up the accounts of the market: {error}") from error


async def _log_in(operator: V1, person: V1) -> None:
    try:
        await person.token()
    except VenueError as error:
        if not error.status:
            raise
        why = f"{person.name} can't log in by the password that follows from {operator.name}'s: {error}"
        what = f"two operators reset {person.name}'s"
        raise AccountsError(f"{why}; if that was changed since, or somebody has registered so, {what}") from error


async def _is_there(operator: V1, name: str) -> bool:
    try:
        await operator.ask("GET", f"/operator/accounts/{name}", Any)
    except VenueError as error:
        if error.status != http.HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


async def _pay_in(operator: V1, name: str, wanted: Mapping[str, Decimal]) -> None:
    balances = await operator.ask("GET", f"/operator/accounts/{name}/balances", list[Balance])
    has = {each.asset: each.total for each in balances}
    for asset, amount in wanted.items():
        lacks = amount - has.get(asset, Decimal(0))
        if 2 * lacks > amount:
            body = {"account": name, "asset": asset, "amount": f"{lacks:f}"}
            try:
                proposal = (await operator.ask("POST", "/operator/deposits", dict[str, Any], body)).get("proposal")
            except VenueError as error:
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
