"""Before the market lives: what is listed, what it costs, and accounts with money to trade it."""

from __future__ import annotations

import http
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from lockstep.cli.demo import accounts, venue
from lockstep.cli.demo.accounts import NAMES
from lockstep.cli.demo.person import Person, ProblemError
from lockstep.cli.demo.population.words import Listed
from lockstep.cli.demo.steps import Steps
from lockstep.cli.terminal import in_url
from lockstep.config.schema import Config

USUAL_VALUE = 2_000  # of an ordinary order, in the quote asset
HOME_ORDERS = 100_000  # ordinary orders that an account can buy, and sell, before it has nothing left
READY_S = 30.0  # how long a venue that answers may have no sessions yet
LOOK_S = 0.2
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NotJoinedError(Exception):
    """The venue can't be joined; the message says why, and what to do."""


class Venue(Struct, frozen=True):
    """A venue that can be traded at: its instruments, where the population begins in each, and who is logged in."""

    steps: dict[str, Steps]
    listed: list[Listed]
    people: list[Person]


def host_of(address: str) -> str:
    """Where a listener is reached from its own host."""
    return ANYWHERE.get(address, address)


def await_venue(config: Config, ended: Callable[[], bool]) -> None:
    """Wait until the api answers, or `ended`. NotJoinedError."""
    while True:
        try:
            venue.listed(host_of(config.api.address), config.api.port or 0)
            return
        except OSError:
            if ended():
                raise NotJoinedError("the venue has ended") from None
        time.sleep(LOOK_S)  # its only word to others is that it listens


def join(config: Config, operator: str, secret: str, symbols: Sequence[str]) -> Venue:
    """See what is listed, and have an operator set up the accounts. NotJoinedError, AccountsError."""
    host, port = host_of(config.api.address), config.api.port or 0
    try:
        chosen = _chosen(venue.listed(host, port), symbols)
        listed = _priced(config, chosen, host, port)
        if not listed:
            raise NotJoinedError("no instrument has a price to begin with: give it a reference_price, or trade it once")
        steps = {each.symbol: chosen[each.symbol] for each in listed}
        asks = Person(host, port, operator, secret)
        people = [Person(host, port, name, accounts.password_of(name, secret)) for name in NAMES]
        _patiently(lambda: accounts.establish(asks, people, wanted(steps, listed)))
        _check_alone(people[0])
    except ProblemError as error:
        raise NotJoinedError(f"the venue at http://{in_url(host)}:{port} refuses: {error}") from None
    except OSError as error:
        raise NotJoinedError(
            f"no venue answers at http://{in_url(host)}:{port} ({error}): start it by lockstep run, or give --run"
        ) from None
    return Venue(steps, listed, people)


def wanted(steps: Mapping[str, Steps], listed: Sequence[Listed]) -> dict[str, Decimal]:
    """How much of each asset an account is to have: HOME_ORDERS to sell of all that is traded, and to buy."""
    amounts: dict[str, Decimal] = {}
    for each in listed:
        grid = steps[each.symbol]
        quantity = Decimal(grid.lot.text(each.usual_lots * HOME_ORDERS))
        value = quantity * Decimal(grid.tick.text(each.anchor_ticks))
        for asset, amount in ((grid.base, quantity), (grid.quote, value)):
            amounts[asset] = amounts.get(asset, Decimal(0)) + amount
    return {asset: amount.quantize(Decimal(1)) if amount > 1 else amount for asset, amount in amounts.items()}


def _chosen(listed: dict[str, Steps], symbols: Sequence[str]) -> dict[str, Steps]:
    for symbol in symbols:
        if symbol not in listed:
            raise NotJoinedError(f"{symbol} is not listed here; there are {', '.join(listed)}")
    return {symbol: steps for symbol, steps in listed.items() if not symbols or symbol in symbols}


def _priced(config: Config, steps: Mapping[str, Steps], host: str, port: int) -> list[Listed]:
    """Where the market begins in each instrument: at the last trade, or at what it is said to be worth; those without
    either are left out."""
    references = {each.symbol: Decimal(each.reference_price) for each in config.instruments if each.reference_price}
    listed = []
    for symbol, each in steps.items():
        anchor = references.get(symbol)
        price = venue.last_price(host, port, symbol) or anchor
        if price is not None:
            listed.append(_listed(each, price, anchor or price))
    return listed


def _listed(steps: Steps, price: Decimal, anchor: Decimal) -> Listed:
    usual = int(USUAL_VALUE / anchor / Decimal(steps.lot.text(1)))
    ticks = max(1, steps.tick.count(str(price)))
    return Listed(steps.symbol, ticks, max(1, steps.tick.count(str(anchor))), max(1, usual))


def _check_alone(person: Person) -> None:
    """That nobody else trades as this person: two would cancel each other's orders. Of one that was killed, wait until
    the venue has done that, seconds later. NotJoinedError."""
    due = _due(person)
    while due is not None:
        time.sleep(LOOK_S)  # nobody is told when it is renewed
        before, due = due, _due(person)
        if due is not None and due > before:
            raise NotJoinedError(f"somebody trades as {person.name}: another lockstep demo, which must end first")


def _due(person: Person) -> int | None:
    """When the venue cancels a person's orders, in milliseconds."""
    due = person.ask("GET", "/orders/cancel-after")["due"]
    return None if due is None else int(due)


def _patiently(establish: Callable[[], None]) -> None:
    """Do it once the venue can: sessions need the database, which may begin later than the venue."""
    deadline_s = time.monotonic() + READY_S
    while True:
        try:
            establish()
            return
        except accounts.AccountsError as error:
            problem = error.__cause__
            is_early = isinstance(problem, ProblemError) and problem.status == http.HTTPStatus.SERVICE_UNAVAILABLE
            if not is_early or time.monotonic() > deadline_s:
                raise
        time.sleep(LOOK_S)  # only asking again tells whether the database is there
