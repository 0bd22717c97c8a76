"""Who may do what: the commands about accounts, keys, second factors and registration, and their events."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lockstep.core.schema.commands import Command
from lockstep.core.schema.events import Event
from lockstep.core.schema.fields import bytes16, bytes32, bytes64, text36, u8, u16, u32, u64


class Account(Command, frozen=True, kw_only=True):
    """Defines an account: its owner's name, which is username and SenderCompID; or changes its password or role.

    An EXT_CREDENTIAL record before it carries the password's hash. It is the header's account that it defines, but
    by the api `target`, which the header's account, 0 for the venue itself (a registration, or a PASSWORD_RESET's
    end), asks for.
    """

    name: text36
    target: u32 = 0  # by the api; 0: a new one, whose number the router stamps
    role: u8 = 0
    takes_factor: u8 = 0  # the reset takes the second factor away, too; which the router stamps
    verdict: u16 = 0
    reserved_2: u32 = 0
    reset_code: bytes16 = b""  # of the PASSWORD_RESET that this carries out, by the venue itself; else empty
    proposal: u64 = 0  # sequence of the same record of another admin, refused as SECOND_NEEDED, that this approves

    @property
    def number(self) -> int:
        """Which account it defines."""
        return self.target or self.account


class ExtCredential(Command, frozen=True, kw_only=True):
    """Extension: an argon2id hash (version 19) of the next record's account, with its parameters."""

    salt: bytes16
    hash: bytes32
    memory_kib: u32
    time_cost: u32
    parallelism: u32
    reserved: Annotated[bytes, Meta(max_length=12, extra={"c": "uint8_t", "size": 12})] = b""


class ApiKey(Command, frozen=True, kw_only=True):
    """Defines a key that signs requests for the account `target`. Its name is unique, for ever.

    EXT_KEY_MATERIAL records are before it, one or, of an RSA key, as many as its modulus takes; before them up to two
    EXT_ADDRESSES, the networks that it may be used from.
    """

    name: text36
    key: u32 = 0  # its number, which the router stamps
    expiry_ns: u64 = 0  # 0: never
    target: u32
    kind: u8
    scopes: u8  # of KeyScope
    verdict: u16 = 0
    networks: u8 = 0
    more_materials: u8 = 0  # EXT_KEY_MATERIAL records besides the one that each key has
    reserved: Annotated[bytes, Meta(max_length=14, extra={"c": "uint8_t", "size": 14})] = b""


class ExtKeyMaterial(Command, frozen=True, kw_only=True):
    """Extension: what proves signatures of the next record's key, or a part of it.

    A public key of 32 bytes as it is, a secret sealed with the venue's key (venue/venue_key.py), or 64 bytes of
    an RSA key's modulus (big-endian, 256 to 512 bytes; the last part may be shorter).
    """

    material: bytes64
    size: u8
    reserved: Annotated[bytes, Meta(max_length=7, extra={"c": "uint8_t", "size": 7})] = b""


class ExtAddresses(Command, frozen=True, kw_only=True):
    """Extension: up to four networks that the next key may be used from.

    Each has 16 bytes, an IPv4 address as ::ffff:a.b.c.d, and the length of its prefix, of 128 bits.
    """

    addresses: bytes64
    prefixes: Annotated[bytes, Meta(max_length=4, extra={"c": "uint8_t", "size": 4})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=3, extra={"c": "uint8_t", "size": 3})] = b""


class KeyRevocation(Command, frozen=True, kw_only=True):
    """Ends a key, for ever."""

    name: text36
    key: u32 = 0  # its number, which the router stamps
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class SecondFactor(Command, frozen=True, kw_only=True):
    """Gives the account `target` a second factor in place of the one it has; takes it away where `size` is 0.

    Two EXT_RECOVERY records before it have the hashes of ten recovery codes.
    """

    target: u32
    size: u8  # of `secret`
    reserved: u8 = 0
    verdict: u16 = 0
    secret: bytes64 = b""  # of the one-time codes (TOTP), sealed with the venue's key


class ExtRecovery(Command, frozen=True, kw_only=True):
    """Extension: hashes of five recovery codes, of 14 bytes each."""

    hashes: Annotated[bytes, Meta(max_length=70, extra={"c": "uint8_t", "size": 70})]
    count: u8
    reserved: u8 = 0


class FactorUse(Command, frozen=True, kw_only=True):
    """A one-time code of the header's account was right, or a recovery code: refused where that was used before."""

    request: text36  # by which its sender knows it again
    reserved_1: u32 = 0
    step: u64 = 0  # of time, of a one-time code; 0: of a recovery code
    code: u8 = 0  # which recovery code, from 1
    reserved_2: u8 = 0
    verdict: u16 = 0
    reserved_3: Annotated[bytes, Meta(max_length=20, extra={"c": "uint8_t", "size": 20})] = b""


class PasswordReset(Command, frozen=True, kw_only=True):
    """An operator proposes that `target` may take a new password, by a code; or, naming that, a second one approves it.

    The code is shown to who proposes, and works once it is approved: once, until RESET_LIFE_S after the proposal.
    """

    cl_ord_id: text36
    target: u32
    takes_factor: u8 = 0  # whether its second factor goes, too. This and the hash the router stamps into an approval
    reserved_1: u8 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    proposal: u64 = 0  # sequence of what is approved; 0: this is a proposal
    code_hash: bytes16 = b""  # the first half of the code's SHA-256


class Registration(Command, frozen=True, kw_only=True):
    """Who may register from now on."""

    cl_ord_id: text36
    mode: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    proposal: u64 = 0  # as a WITHDRAWAL's: opening registration where there is a welcome takes two admins
    reserved_2: Annotated[bytes, Meta(max_length=24, extra={"c": "uint8_t", "size": 24})] = b""


class AccountDefined(Event, frozen=True, kw_only=True):
    """Repeats Account; an EXT_CREDENTIAL event precedes it."""

    account: u32
    name: text36
    role: u8 = 0
    takes_factor: u8 = 0  # it took its new password by a reset that takes the second factor away, too
    reserved_2: u16 = 0
    asked_by: u32 = 0  # and by which session, where the api asked
    session: u32 = 0
    reserved_3: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class ExtCredentialEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event: the password hash of the account it defines."""

    salt: bytes16
    hash: bytes32
    memory_kib: u32
    time_cost: u32
    parallelism: u32
    reserved: Annotated[bytes, Meta(max_length=20, extra={"c": "uint8_t", "size": 20})] = b""


class KeyDefined(Event, frozen=True, kw_only=True):
    """Repeats ApiKey; EXT_ADDRESSES events, if any, and an EXT_KEY_MATERIAL event precede it."""

    name: text36
    key: u32
    expiry_ns: u64
    account: u32  # whose key it is
    kind: u8
    scopes: u8
    networks: u8
    reserved_1: u8 = 0
    asked_by: u32  # and by which session
    session: u32
    reserved_2: bytes16 = b""


class ExtKeyMaterialEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event: repeats ExtKeyMaterial."""

    material: bytes64
    size: u8
    reserved: Annotated[bytes, Meta(max_length=15, extra={"c": "uint8_t", "size": 15})] = b""


class ExtAddressesEvent(Event, frozen=True, kw_only=True):
    """Extension of the next key's events: repeats ExtAddresses."""

    addresses: bytes64
    prefixes: Annotated[bytes, Meta(max_length=4, extra={"c": "uint8_t", "size": 4})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=11, extra={"c": "uint8_t", "size": 11})] = b""


class KeyRevoked(Event, frozen=True, kw_only=True):
    """A key ends: nothing that it signs is accepted any more."""

    name: text36
    key: u32
    account: u32
    asked_by: u32
    session: u32
    reserved: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class FactorDefined(Event, frozen=True, kw_only=True):
    """Repeats SecondFactor; unless it has none, two EXT_RECOVERY events precede it."""

    account: u32
    session: u32
    size: u8
    reserved_1: u8 = 0
    reserved_2: u16 = 0
    asked_by: u32 = 0
    secret: bytes64


class ExtRecoveryEvent(Event, frozen=True, kw_only=True):
    """Extension of the next FACTOR_DEFINED: repeats ExtRecovery."""

    hashes: Annotated[bytes, Meta(max_length=70, extra={"c": "uint8_t", "size": 70})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=9, extra={"c": "uint8_t", "size": 9})] = b""


class FactorUsed(Event, frozen=True, kw_only=True):
    """Repeats FactorUse, which was the first of its step, or of its recovery code."""

    request: text36
    account: u32
    step: u64
    session: u32
    code: u8
    reserved: Annotated[bytes, Meta(max_length=27, extra={"c": "uint8_t", "size": 27})] = b""


class PasswordResetChanged(Event, frozen=True, kw_only=True):
    """A reset of an account's password was proposed, or approved by a second operator. What ends it is the next
    ACCOUNT_DEFINED of the account that has another password, another proposal, or time."""

    account: u32  # whose password it is
    asked_by: u32  # of this step
    session: u32
    takes_factor: u8
    is_approved: u8
    reserved_1: u16 = 0
    cl_ord_id: text36  # of this step
    reserved_2: u32 = 0
    proposal: u64
    code_hash: bytes16
