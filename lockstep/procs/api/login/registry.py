"""What people may change about who they are, as commands of the log: accounts, passwords, second factors, API keys.

Each method waits for the router's decision. It checks no right of the person who asks: the router does (LOG-30), and
what a person must prove first is for whoever calls.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from msgspec import structs

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    Code,
    Command,
    CommandType,
    Deposit,
    ExtAddresses,
    ExtCredential,
    ExtKeyMaterial,
    ExtRecovery,
    FactorUse,
    KeyKind,
    KeyRevocation,
    KillScope,
    KillSwitch,
    SecondFactor,
)
from lockstep.core.schema.records import ApiKey as ApiKeyCommand
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.keys import MAPPED, ApiKey
from lockstep.procs.api.login import codes
from lockstep.procs.api.login.codes import Match
from lockstep.procs.api.requests import Request

NO_TICKET = 0  # of a command that no session allows
VENUE = 0  # the account that the venue itself asks as
ADDRESSES_OF_RECORD = 4
MATERIAL_SIZE = 64  # of a record
CODES_OF_RECORD = 5
SECRET_BYTES = 36  # of an HMAC key: 48 characters
NAME_BYTES = 24
IPV4_BITS_BEFORE = 96


class NotSentError(RuntimeError):
    """The venue takes no commands now: nothing was sent."""


class RefusedError(Exception):
    """The venue has refused a command, the log's record `seq`, by one of its codes."""

    def __init__(self, code: Code, command: CommandType, seq: int) -> None:
        super().__init__(code.name)
        self.code = code
        self.command = command
        self.seq = seq


class PublicKey(NamedTuple):
    """What proves signatures of an owner's private key: 32 bytes of Ed25519, or the modulus of RSA."""

    kind: KeyKind
    material: bytes


class NewKey(NamedTuple):
    """What a key is to be. `networks` are as `ip_network` reads them; without a `public_key` it is an HMAC key."""

    scopes: int
    networks: Sequence[str]
    expiry_ns: int
    public_key: PublicKey | None


class Registry:
    """`venue_key` gives what seals secrets, or None before there is one."""

    def __init__(self, desk: Desk, venue_key: Callable[[], VenueKey | None]) -> None:
        self._desk = desk
        self._venue_key = venue_key

    @property
    def key(self) -> VenueKey:
        """The venue's key. NotSentError while there is none."""
        key = self._venue_key()
        if key is None:
            raise NotSentError
        return key

    async def carry(self, records: Sequence[Command], id: bytes, ticket: int, *, adds: bool = True) -> Request:
        """Have a command carried out: its extensions and itself. `ticket` is that of the person who asks, or NO_TICKET.

        NotSentError, RefusedError, UnknownOutcome.
        """
        header = records[-1]
        packed = [
            pack(structs.replace(each, account=header.account, session=API_SESSION, time_ns=self._desk.now_ns))
            for each in records
        ]
        request = self._desk.commands.carry(packed, id, adds, ticket)
        if request is None:
            raise NotSentError
        await request.outcome
        if request.code:
            raise RefusedError(Code(request.code), CommandType(request.command), request.seq)
        return request

    async def register(self, name: str, credential: ExtCredential) -> int:
        """A new account, of nobody who was here before; its number."""
        await self.carry([credential, Account(account=VENUE, name=name.encode())], name.encode(), NO_TICKET)
        account = self._desk.accounts.find(name)
        assert account is not None
        return account.number

    async def welcome(self, account: int, asset: int, units: int) -> None:
        """What a registered account is given once; nothing where it has had it."""
        id = new_id().encode()
        deposit = Deposit(account=VENUE, cl_ord_id=id, asset=asset, amount=units, target=account)
        try:
            await self.carry([deposit], id, NO_TICKET)
        except RefusedError as error:
            if error.code != Code.ALREADY_WELCOMED:
                raise

    async def set_password(self, account: int, ticket: int, credential: ExtCredential) -> int:
        """Give an account another password, by its own word (LOG-34); its place in the log."""
        people = self._desk.people
        name = people.name_of(account).encode()
        command = Account(account=account, name=name, target=account, role=people.role_of(account))
        return (await self.carry([credential, command], name, ticket)).seq

    async def set_factor(self, account: int, ticket: int, secret: bytes) -> list[str]:
        """A second factor in place of what there was; its recovery codes, which nobody sees again."""
        name, key = self._desk.people.name_of(account), self.key
        shown = codes.new_recovery_codes()
        hashes = codes.recovery_hashes(key, name, shown)
        sealed = key.seal_factor(name, secret)
        halves = [hashes[i : i + CODES_OF_RECORD] for i in range(0, len(hashes), CODES_OF_RECORD)]
        extensions: list[Command] = [ExtRecovery(hashes=b"".join(half), count=len(half)) for half in halves]
        factor = SecondFactor(account=account, target=account, size=len(sealed), secret=sealed)
        await self.carry([*extensions, factor], b"", ticket)
        return shown

    async def drop_factor(self, account: int, ticket: int) -> None:
        """The account has no second factor any more."""
        await self.carry([SecondFactor(account=account, target=account, size=0)], b"", ticket)

    async def use(self, account: int, match: Match) -> bool:
        """Whether a code that was right has not been used before."""
        request = new_id().encode()
        command: FactorUse = match.use(account, API_SESSION, request)
        try:
            await self.carry([command], request, NO_TICKET)
        except RefusedError as error:
            if error.code != Code.FACTOR_USED:
                raise
            return False
        return True

    async def define_key(self, account: int, ticket: int, wanted: NewKey) -> tuple[ApiKey, str]:
        """A new API key of an account, and its secret, which is shown this once; empty for one with a public key."""
        name = secrets.token_urlsafe(NAME_BYTES).strip("-_")
        secret, public = "", wanted.public_key
        if public is None:
            secret = secrets.token_urlsafe(SECRET_BYTES)
            public = PublicKey(KeyKind.HMAC, self.key.seal_secret(name, secret.encode()))
        materials = [
            ExtKeyMaterial(material=part, size=len(part))
            for part in (public.material[i : i + MATERIAL_SIZE] for i in range(0, len(public.material), MATERIAL_SIZE))
        ]
        command = ApiKeyCommand(
            account=account, name=name.encode(), target=account, kind=public.kind, scopes=wanted.scopes,
            expiry_ns=wanted.expiry_ns, networks=len(wanted.networks), more_materials=len(materials) - 1,
        )  # fmt: skip
        await self.carry([*_addresses(wanted.networks), *materials, command], name.encode(), ticket)
        key = self._desk.keys.find(name.encode())
        assert key is not None
        return key, secret

    async def revoke_key(self, account: int, ticket: int, name: str) -> None:
        """End a key of the account's, for ever."""
        await self.carry([KeyRevocation(account=account, name=name.encode())], name.encode(), ticket, adds=False)

    async def block(self, account: int, ticket: int) -> int:
        """The account's kill switch is on: it trades no more until an operator turns it off. Its place in the log."""
        id = new_id().encode()
        command = KillSwitch(account=account, cl_ord_id=id, target=account, scope=KillScope.ACCOUNT, is_on=1)
        return (await self.carry([command], id, ticket, adds=False)).seq


def new_id() -> str:
    """A client id for a request that was given none."""
    return "v" + os.urandom(12).hex()


def _addresses(networks: Sequence[str]) -> list[Command]:
    """The records of the networks that a key may be used from."""
    records: list[Command] = []
    for begin in range(0, len(networks), ADDRESSES_OF_RECORD):
        some = [ip_network(text) for text in networks[begin : begin + ADDRESSES_OF_RECORD]]
        packed = [
            (MAPPED | int(network.network_address), network.prefixlen + IPV4_BITS_BEFORE)
            if network.version == 4
            else (int(network.network_address), network.prefixlen)
            for network in some
        ]
        records.append(
            ExtAddresses(
                addresses=b"".join(address.to_bytes(16) for address, _ in packed),
                prefixes=bytes(prefix for _, prefix in packed),
                count=len(packed),
            )
        )
    return records
