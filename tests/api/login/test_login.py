"""Logins cost the same work whatever their outcome, and guesses delay only the address that makes them."""

from __future__ import annotations

import asyncio
import base64
import hmac
from typing import Any

import pyotp
import pytest

from lockstep.core.edge import authentication
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.rules.credentials import is_right
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    AccountDefined,
    ExtCredentialEvent,
    ExtRecoveryEvent,
    FactorDefined,
    FactorUse,
    FactorUsed,
)
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.login import codes
from lockstep.procs.api.login.login import Login, LoginError
from lockstep.procs.api.login.registry import Registry
from lockstep.procs.api.login.sessions import Sessions
from lockstep.procs.api.login.strangers import FORGIVEN_EVERY_S, MAX_GUESSES, Strangers
from lockstep.shm.board import Word
from lockstep.shm.ring import Ring
from tests.batcher.events import Stream
from tests.batcher.feed import Feed
from tests.passwords import CHEAP_HASH, PASSWORD

KEY = VenueKey(bytes(range(32)))
SECRET = b"12345678901234567890"
NOW_S = 1_111_111_109
WITH, WITHOUT = "ALICE", "BOB"  # a second factor
WITH_NUMBER = 4
CODE = pyotp.TOTP(codes.text_of(SECRET)).at(NOW_S)
USED = pyotp.TOTP(codes.text_of(SECRET)).at(NOW_S - 30)
RECOVERY = [f"CODE{number:012}" for number in range(10)]
OTHERS = [f"203.0.113.{number}" for number in range(1, 7)]
OWNER = "198.51.100.1"


class Venue:
    """A desk without a router: `ring` has its commands. Clocks stand."""

    def __init__(self) -> None:
        ring, stream = Ring.private(64, ["router"]), Stream().define()
        self.ring = ring.consumer("router")
        self.desk = Desk(IngressWriter(ring.producer()), None, asyncio.Future, 1 << 4)
        salt, digest = (base64.b64decode(part + "==") for part in CHEAP_HASH.split("$")[-2:])
        hashes = codes.recovery_hashes(KEY, WITH, RECOVERY)
        sealed = KEY.seal_factor(WITH, SECRET)
        for number, name in ((WITH_NUMBER, WITH), (WITH_NUMBER + 1, WITHOUT)):
            stream.command()
            stream.emit(0, ExtCredentialEvent, salt=salt, hash=digest, memory_kib=8, time_cost=1, parallelism=1)
            stream.emit(0, AccountDefined, account=number, name=name.encode())
        stream.command()
        for half in (hashes[:5], hashes[5:]):
            stream.emit(0, ExtRecoveryEvent, hashes=b"".join(half), count=5)
        stream.emit(0, FactorDefined, account=WITH_NUMBER, session=0, size=len(sealed), secret=sealed)
        stream.emit(0, FactorUsed, request=b"r", account=WITH_NUMBER, session=0, step=NOW_S // 30 - 1, code=0)
        feed = Feed(stream, 1 << 10)
        self.desk.attach(feed.consumers, feed.board)
        feed.publish(stream.seq)
        feed.commit(stream.seq)
        feed.board.set(Word.EPOCH, 1)
        self.now_ns = stream.now_ns
        self.poll()
        self.desk.commands.is_open = True
        registry = Registry(self.desk, lambda: KEY)
        sessions = Sessions("postgresql://", lambda: float(NOW_S), lambda _: None)
        self.login = Login(self.desk, registry, sessions, lambda: float(NOW_S), lambda: 0.0)

    def poll(self) -> None:
        """The commands that were sent are in the ring."""
        while self.desk.poll(self.now_ns):
            pass

    async def owners_code(self) -> FactorUse:
        """Log in as the owner, and return the code's use, which reaches the router."""
        logging_in = asyncio.create_task(self.login.log_in(WITH, PASSWORD, CODE, OWNER, ""))
        async with asyncio.timeout(20):
            while not self.ring.pending():
                self.poll()
                assert not logging_in.done()
                await asyncio.sleep(0.001)
        logging_in.cancel()
        (command,) = map(unpack_command, self.ring.take())
        assert isinstance(command, FactorUse)
        return command

    async def fails(self, name: str, password: str, code: str, address: str) -> None:
        with pytest.raises(LoginError):
            await self.login.log_in(name, password, code, address, "")


OUTCOMES = {
    "no such account": ("CAROL", PASSWORD, CODE),
    "no such account and no code": ("CAROL", "wrong", ""),
    "wrong password, no factor": (WITHOUT, "wrong", ""),
    "wrong password, right code": (WITH, "wrong", CODE),
    "wrong password, no code": (WITH, "wrong", ""),
    "right password, no code": (WITH, PASSWORD, ""),
    "right password, wrong code": (WITH, PASSWORD, "000000"),
    "right password, used code": (WITH, PASSWORD, USED),
    "wrong password, recovery code": (WITH, "wrong", RECOVERY[0]),
    "right password, a text that is not a code": (WITH, PASSWORD, "nothing like a code"),
}


def test_every_outcome_of_a_login_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each outcome hashes one password, then compares one code with ten recovery codes and three steps; no outcome
    reaches the log."""
    done: list[str] = []

    def counted(name: str, work: Any) -> Any:
        def counting(*asked: Any, **more: Any) -> Any:
            done.append(name)
            return work(*asked, **more)

        return counting

    async def work() -> dict[str, list[str]]:
        venue, found = Venue(), {}
        try:
            for number, (outcome, (name, password, code)) in enumerate(OUTCOMES.items()):
                done.clear()
                await venue.fails(name, password, code, f"192.0.2.{number}")
                found[outcome] = list(done)
            venue.poll()
            assert venue.ring.pending() == 0
        finally:
            venue.login.close()
        return found

    monkeypatch.setattr(authentication, "is_right", counted("password", is_right))
    for place, name in ((codes, "step_of"), (VenueKey, "open_factor"), (VenueKey, "recovery_hash")):
        monkeypatch.setattr(place, name, counted(name, getattr(place, name)))
    monkeypatch.setattr(hmac, "compare_digest", counted("compare_digest", hmac.compare_digest))
    codes.nobodys(KEY)
    found = asyncio.run(work())
    wanted = found["right password, wrong code"]
    assert wanted[:2] == ["password", "compare_digest"]
    assert wanted.count("compare_digest") == 1 + 3 + codes.RECOVERY_CODES
    for outcome, did in found.items():
        assert did == wanted, outcome


def test_who_guesses_codes_keeps_the_owner_in() -> None:
    """A thief has the password and guesses codes from many addresses. The owner's code reaches the router at once."""

    async def played() -> None:
        venue = Venue()
        try:
            for address in OTHERS:
                for _ in range(authentication.FREE_FAILURES):
                    await venue.fails(WITH, PASSWORD, "000000", address)
            command = await venue.owners_code()
            assert (command.account, command.step) == (WITH_NUMBER, NOW_S // 30)
        finally:
            venue.login.close()

    asyncio.run(played())


def test_guesses_from_one_address_wait_and_end() -> None:
    async def played() -> None:
        venue = Venue()
        try:
            guesses = [
                asyncio.create_task(venue.login.log_in(WITH, PASSWORD, "000000", OTHERS[0], "")) for _ in range(20)
            ]
            done, waiting = await asyncio.wait(guesses, timeout=0.2)
            assert len(done) >= 20 - authentication.MAX_FAILURES
            assert all(isinstance(each.exception(), LoginError) for each in done)
            for each in waiting:
                each.cancel()
        finally:
            venue.login.close()

    asyncio.run(played())


def test_strangers_have_a_bounded_number_of_guesses_over_all_addresses() -> None:
    """The owner's addresses stay outside; with time some are forgiven, and a right code does not count."""
    now = [0.0]

    async def addresses_of(account: int) -> list[str]:
        return [OWNER, "2001:db8:1:2::1"] if account == WITH_NUMBER else []

    async def played() -> None:
        strangers = Strangers(lambda: now[0], addresses_of)
        many = [f"10.{number >> 8}.{number & 255}.1" for number in range(10 * MAX_GUESSES)]
        assert [await strangers.admit(WITH_NUMBER, address) for address in many].count(True) == MAX_GUESSES
        for owners in (OWNER, "2001:db8:1:2::ffff"):
            for _ in range(3):  # right ones forgive a stranger nothing
                assert await strangers.admit(WITH_NUMBER, owners)
                strangers.right(WITH_NUMBER)
        assert not await strangers.admit(WITH_NUMBER, OTHERS[0])
        assert await strangers.admit(WITH_NUMBER + 1, OTHERS[0]), "another account"
        now[0] = 2 * FORGIVEN_EVERY_S
        assert [await strangers.admit(WITH_NUMBER, address) for address in many].count(True) == 2
        strangers.right(WITH_NUMBER)
        assert [await strangers.admit(WITH_NUMBER, address) for address in many].count(True) == 1

    asyncio.run(played())


def test_a_right_code_of_a_stranger_is_refused_when_too_many_were_wrong() -> None:
    async def played() -> None:
        venue = Venue()

        async def addresses_of(account: int) -> list[str]:
            assert account == WITH_NUMBER
            return [OWNER]

        venue.login._strangers = Strangers(lambda: 0.0, addresses_of)
        try:
            for number in range(MAX_GUESSES):
                await venue.fails(WITH, PASSWORD, "000000", f"10.0.{number}.1")
            await venue.fails(WITH, PASSWORD, CODE, OTHERS[0])
            assert venue.ring.pending() == 0
            await venue.owners_code()
        finally:
            venue.login.close()

    asyncio.run(played())
