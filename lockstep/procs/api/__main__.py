"""Wires the api: ingress and event rings, what it knows of the venue, the dialect, and its listener.

`host` runs what `build` returns.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache, partial
from pathlib import Path

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.market_queries import MarketQueries
from lockstep.core.edge.own_socket import name_of
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.journal.format import JournalError
from lockstep.core.venue import database_url, venue_key
from lockstep.core.venue.database_trouble import API, Notice
from lockstep.core.venue.venue import Venue
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.answers import Answers
from lockstep.procs.api.app import Application
from lockstep.procs.api.asgi import Asgi
from lockstep.procs.api.binance.account_terms import AccountTerms, Terms
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.market import Market
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.binance.ws_api import WsApi
from lockstep.procs.api.desk import NAME, Desk
from lockstep.procs.api.directories import Directories, ReadingError
from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.login import Login
from lockstep.procs.api.login.registry import Registry
from lockstep.procs.api.login.sessions import Sessions, Standing
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.page import Page
from lockstep.procs.api.people import People
from lockstep.procs.api.read.market_archive import MarketArchive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.server import Server
from lockstep.procs.api.v1.caller import Reading, Services

# Statements and downloads, which others do not wait for.
SLOW_AT_ONCE = 2
SLOW_MS = 20_000


@cache
def _found(data: Path) -> VenueKey:
    key = venue_key.load(data)
    if key is None:
        raise LookupError(data)
    return key


def _venue_key(data: Path) -> VenueKey | None:
    """The venue's key: the router makes it when it first leads, which is after this process has started."""
    try:
        return _found(data)
    except LookupError:
        return None


def _standing(people: People, account: int) -> Standing | None:
    """What the sessions of an account depend on now."""
    found = people.accounts.numbered(account)
    factor = people.factors.find(account)
    return None if found is None else Standing(found.credential, found.rights, b"" if factor is None else factor.sealed)


def _own(services: Services) -> Asgi:
    from lockstep.procs.api.v1.app import application  # with Litestar: a start does not wait for it

    return application(services)


async def _terms_of(directories: Directories, account: int) -> Terms:
    """Return what operators had set for an account within the last second. DeclinedError."""
    try:
        known = await directories.recent()
    except (ReadingError, JournalError, OSError) as error:
        log.warning("account_terms_unknown", account=account, why=str(error))
        raise DeclinedError(Reason.TERMS_UNKNOWN) from error
    limited = [(asset, most) for (owner, asset), most in known.position_limits.items() if owner == account]
    positions = {known.name_of_asset(asset)[0]: most for asset, most in limited}
    limits = known.account_limits_of(account)
    tier = known.fee_tiers.get(limits["fee_tier"])
    rates = None if tier is None else (tier.maker_fee_ppm, tier.taker_fee_ppm)
    return Terms(limits["max_open_orders"], positions, rates)


def build(venue: Venue, name: str) -> Server:
    """The edge, in the state of the snapshot that the venue begins with, if any.

    If an earlier one has read on in the venue's rings, they are attached once this one has caught up; else at once.
    DamagedPart.
    """
    assert name == NAME
    ingress = IngressWriter(venue.producer(f"ingress.{name}"))
    desk = Desk(ingress, venue.snapshots, lambda: asyncio.get_running_loop().create_future())
    part = venue.snapshots.load(name)
    if part is not None:
        desk.load(part)
        part.finish()
    sealed = partial(_venue_key, venue.data)
    queries = MarketQueries(name_of(venue.boot_id, "publisher"))
    listen_keys = ListenKeys(desk, sealed)
    history = partial(History, database_url.of(venue.config, venue.data))
    shown, past, limits = Shown(desk), Past(history()), Limits(venue.config.api)
    market = MarketArchive(queries, shown, past)
    dialect = Dialect(shown, past, limits, venue.now_ns, SigningKeys(sealed))
    dialect.add(Market(market))
    dialect.add(listen_keys)
    sessions = Sessions(database_url.of(venue.config, venue.data), time.time, partial(_standing, desk.people))
    sessions.sequenced = desk.commands.sequenced
    registry = Registry(desk, sealed)
    login = Login(desk, registry, sessions, time.time, time.monotonic)
    slow = Past(history(size=SLOW_AT_ONCE, statement_ms=SLOW_MS))
    directories = Directories(venue)
    dialect.add(AccountTerms(shown, partial(_terms_of, directories)))
    reading = Reading(market, past, slow, directories, Answers(venue.data), limits)
    services = Services(desk, venue.config, reading, login)
    ws_api = WsApi(dialect, desk, listen_keys)
    application = Application(Rest(dialect), ws_api, partial(_own, services), Page(), venue.config.api)

    async def close() -> None:
        ws_api.say_goodbye()
        await past.close()
        await services.close()

    refused = Notice(venue.data, API).tell
    server = Server(desk, venue.config.api, application, application, queries, sessions.prepare, close, refused)
    if not venue.is_late(name):
        server.attach(venue.events(name), venue.board)
    return server
