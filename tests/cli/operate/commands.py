"""Operators' commands given to a real venue, and what shows that they were carried out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from lockstep import config
from lockstep.__main__ import command_line
from lockstep.core.venue import database_url
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue

BY = ("--operator", "OPERATOR1", "--yes")
OTHER = ("--operator", "OPERATOR2", "--yes")
DONE, REFUSED, UNKNOWN = 0, 1, 3


def operate(venue: RunningVenue, *arguments: str, code: int = DONE, by: tuple[str, ...] = BY) -> dict[str, Any]:
    """Give an operator's command, in this process to save its start, and return its JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        told = command_line(arguments)([*arguments, str(venue.config), *by, "--json"], exit_on_error=False)
    assert told == code, out.getvalue()
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def proposals(venue: RunningVenue) -> list[dict[str, Any]]:
    return waiting(venue, "adjust")


def waiting(venue: RunningVenue, kind: str) -> list[dict[str, Any]]:
    """What waits to be approved."""
    return json.loads(venue.command(kind, "list", "--json").stdout)  # type: ignore[no-any-return]


def refusal(client: FixClient, cl_ord_id: str) -> str:
    """The Text of the ExecutionReport that refuses an order."""
    return client.await_report(cl_ord_id, "8")[58]


def asked(venue: RunningVenue, query: str) -> list[tuple[Any, ...]]:
    """The answer to `query` once it has any rows: the database follows."""
    loaded = config.load(venue.config)
    url = database_url.of(loaded, Path(loaded.venue.data))
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(url) as connection:
                found = connection.execute(query).fetchall()  # type: ignore[arg-type,unused-ignore]
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            found = []
        if found:
            return found
        assert time.monotonic() < deadline, query
        time.sleep(0.1)  # only asking again tells


def phases(venue: RunningVenue) -> dict[str, str]:
    """The phase of each instrument by `lockstep status`, once PostgreSQL has all that is committed."""
    deadline = time.monotonic() + 60
    while True:
        shown = venue.status()
        if shown["database_lag"] == 0 and shown["instruments"]:
            return {each["symbol"]: each["phase"] for each in shown["instruments"]}
        assert time.monotonic() < deadline, shown


def falsify(venue: RunningVenue, trade: int, price: int, taker: str) -> None:
    """What no one should do to the database of a venue."""
    loaded = config.load(venue.config)
    with psycopg.connect(database_url.of(loaded, Path(loaded.venue.data))) as connection:
        connection.execute(
            "UPDATE trades SET price = %s, taker_user_id = (SELECT id FROM users WHERE username = %s)"
            " WHERE symbol = 'SOLUSDT' AND trade_id = %s", [price, taker, trade],
        )  # fmt: skip


def balance(venue: RunningVenue, account: str, asset: str) -> Decimal:
    """All that an account has of an asset once one more of it is deposited: the answer says it."""
    told = operate(venue, "deposit", account, asset, "1")["details"]
    return Decimal(told["free"]) + Decimal(told["held"])


def shown_on(terminal: int, until: str | None) -> str:
    """What a terminal shows, up to a prompt, or to the end of its command."""
    text = ""
    while until is None or not text.endswith(until):
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # its other end is closed
            break
    return text


def session(venue: RunningVenue, name: str) -> dict[str, Any]:
    """What `lockstep status --sessions` shows of a session."""
    shown = json.loads(venue.command("status", "--sessions", "--json").stdout)
    (found,) = [each for each in shown["sessions"] if each["session"] == name]
    return found  # type: ignore[no-any-return]
