"""Before the market lives: what is listed, what it costs, and accounts with money to trade it."""

from __future__ import annotations

import asyncio
import http
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from lockstep import V1, Binance, VenueError
from lockstep.cli.demo import accounts
from lockstep.cli.demo.accounts import NAMES
from lockstep.cli.demo.population.words import Listed
from lockstep.cli.demo.steps import Step, Steps
from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import in_url
from lockstep.config.schema import Config
from lockstep.core.edge.listening import judged

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
    people: list[V1]


def host_of(address: str) -> str:
    """Where a listener is reached from its own host."""
    return ANYWHERE.get(address, address)


def url_of(config: Config) -> str:
    """Where a configuration's api is reached."""
    return f"http://{in_url(host_of(config.api.address))}:{config.api.port}"


def must_be_free(config: Config) -> None:
    """UsageError if somebody listens where the venue is to: the market would begin at another one."""
    for name, section in (("fix", config.fix), ("market_data", config.market_data), ("api", config.api)):
        family = socket.AF_INET6 if ":" in section.address else socket.AF_INET
        port = section.port or 0
        try:
            socket.create_server((section.address, port), family=family).close()
        except OSError as error:
            raise UsageError(str(judged(error, name, section.address, port))) from None


async def await_venue(config: Config, ended: Callable[[], bool]) -> None:
    """Wait until the api answers, or `ended`. NotJoinedError."""
    venue = V1(url_of(config))
    while True:
        try:
            await venue.instruments()
            return
        except VenueError as error:
            if 0 < error.status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise NotJoinedError(f"the venue refuses: {error}") from None
            if ended():
                raise NotJoinedError("the venue has ended") from None
        await asyncio.sleep(LOOK_S)  # its only word to others is that it listens


async def join(config: Config, operator: str, secret: str, symbols: Sequence[str]) -> Venue:
    """See what is listed, and have an operator set up the accounts. NotJoinedError, AccountsError."""
    url = url_of(config)
    try:
        chosen = _chosen(await _listed_at(url), symbols)
        listed = await _priced(config, chosen, Binance(url))
        if not listed:
            raise NotJoinedError("no instrument has a price to begin with: give it a reference_price, or trade it once")
        steps = {each.symbol: chosen[each.symbol] for each in listed}
        asks = V1(url, operator, secret)
        people = [V1(url, name, accounts.password_of(name, secret)) for name in NAMES]
        await _patiently(lambda: accounts.establish(asks, people, wanted(steps, listed)))
        await _check_alone(people[0])
    except VenueError as error:
        if error.status:
            raise NotJoinedError(f"the venue at {url} refuses: {error}") from None
        raise NotJoinedError(
            f"no venue answers at {url} ({error.text}): start it by lockstep run, or give --run"
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


async def _listed_at(url: str) -> dict[str, Steps]:
    """The instruments that are listed, by symbol. VenueError."""
    return {
        each.symbol: Steps(each.symbol, each.base, each.quote, Step.of(str(each.tick)), Step.of(str(each.lot)))
        for each in await V1(url).instruments()
        if each.phase != "delisted"
    }


def _chosen(listed: dict[str, Steps], symbols: Sequence[str]) -> dict[str, Steps]:
    for symbol in symbols:
        if symbol not in listed:
            raise NotJoinedError(f"{symbol} is not listed here; there are {', '.join(listed)}")
    return {symbol: steps for symbol, steps in listed.items() if not symbols or symbol in symbols}


async def _priced(config: Config, steps: Mapping[str, Steps], venue: Binance) -> list[Listed]:
    """Where the market begins in each instrument: at the last trade, or at what it is said to be worth; those without
    either are left out."""
    references = {each.symbol: Decimal(each.reference_price) for each in config.instruments if each.reference_price}
    listed = []
    for symbol, each in steps.items():
        anchor = references.get(symbol)
        trades = await venue.trades(symbol, 1)
        price = trades[-1].price if trades else anchor
        if price is not None:
            listed.append(_listed(each, price, anchor or price))
    return listed


def _listed(steps: Steps, price: Decimal, anchor: Decimal) -> Listed:
    usual = int(USUAL_VALUE / anchor / Decimal(steps.lot.text(1)))
    ticks = max(1, steps.tick.count(str(price)))
    return Listed(steps.symbol, ticks, max(1, steps.tick.count(str(anchor))), max(1, usual))


async def _check_alone(person: V1) -> None:
    """That nobody else trades as this person: two would cancel each other's orders. Of one that was killed, wait until
    the venue has done that, seconds later. NotJoinedError."""
    due = await person.cancels_at()
    while due is not None:
        await asyncio.sleep(LOOK_S)  # nobody is told when it is renewed
        before, due = due, await person.cancels_at()
        if due is not None and due > before:
            raise NotJoinedError(f"somebody trades as {person.name}: another lockstep demo, which must end first")


async def _patiently(establish: Callable[[], Awaitable[None]]) -> None:
    """Do it once the venue can: sessions need the database, which may begin later than the venue."""
    deadline_s = time.monotonic() + READY_S
    while True:
        try:
            await establish()
            return
        except accounts.AccountsError as error:
            problem = error.__cause__
            is_early = isinstance(problem, VenueError) and problem.status == http.HTTPStatus.SERVICE_UNAVAILABLE
            if not is_early or time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(LOOK_S)  # only asking again tells whether the database is there
