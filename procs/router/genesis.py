"""What the configuration changes, as commands for the log (rule 3): its difference to the state that was replayed.

It compares and words; the router sequences. It never takes back what was listed, and never touches a balance but by a
deposit into one that does not exist yet.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import cast

import msgspec
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import verify_secret

from config.schema import AccountSection, Config
from config.units import in_units
from procs.router import definitions
from procs.router.definitions import GenesisError
from procs.router.sequencer import Sequencer
from shm.layout import pack, unpack_command
from shm.records import Account, Asset, Deposit, ExtCredential

# OWASP's second recommendation for argon2id: 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
# What a listed instrument keeps for ever: orders, trades and balances are counted in it.
FIXED = ("base_asset", "quote_asset", "tick_mantissa", "lot_mantissa", "price_scale", "quantity_scale")

__all__ = ["GenesisError", "changes"]


def changes(config: Config) -> Callable[[Sequencer], Iterator[list[bytes]]]:
    """What a router asks when it begins to lead: given its state, the commands that bring it to `config`.

    Each list is sequenced together (an extension before its main record). Made one at a time, since each password takes
    tens of milliseconds. GenesisError.
    """

    def of(core: Sequencer) -> Iterator[list[bytes]]:
        yield from _assets(config, core)
        yield from _instruments(config, core)
        yield from _accounts(config, core)

    return of


def _assets(config: Config, core: Sequencer) -> Iterator[list[bytes]]:
    for asset in config.assets:
        name = asset.name.encode()
        if name not in core.assets:
            yield [pack(Asset(name=name, asset=len(core.assets) + 1, scale=asset.scale))]
        elif core.assets[name][1] != asset.scale:
            raise GenesisError(
                f"asset {asset.name}: scale is {core.assets[name][1]} in the log and {asset.scale} in the "
                "configuration: what was listed can't change"
            )


def _instruments(config: Config, core: Sequencer) -> Iterator[list[bytes]]:
    for section in config.instruments:
        symbol = section.symbol.encode()
        listed = core.instruments.get(symbol)
        if listed is None:
            wanted = definitions.instrument(section, core.assets, len(core.instruments) + 1)
            yield [pack(wanted)]
            continue
        terms = core.instrument(listed)
        wanted = definitions.instrument(section, core.assets, listed, terms)
        for name in FIXED:
            if terms[name] != getattr(wanted, name):
                raise GenesisError(
                    f"instrument {section.symbol}: {name} is {terms[name]} in the log and {getattr(wanted, name)} in "
                    "the configuration: tick, lot and assets of a listed instrument can't change"
                )
        if any(terms[name] != getattr(wanted, name) for name in definitions.TERMS):
            yield [pack(wanted)]


def _accounts(config: Config, core: Sequencer) -> Iterator[list[bytes]]:
    for section in config.accounts:
        name = section.name.encode()
        account = core.accounts.get(name, len(core.accounts) + 1)
        known = core.credentials.get(account) if name in core.accounts else None
        if known is None or not _is_current(section, known):
            credential = msgspec.structs.replace(credential_of(_hash(section)), account=account)
            yield [pack(credential), pack(Account(account=account, name=name))]
        for asset_name, amount in section.deposits.items():
            asset, scale = core.assets[asset_name.encode()]
            units = in_units(amount, scale)
            if units and core.ledger.balance(account, asset) is None:
                key = f"initial:{asset_name}".encode()
                yield [pack(Deposit(account=account, asset=asset, amount=units, cl_ord_id=key))]


def credential_of(text: str) -> ExtCredential:
    """An argon2id hash, $argon2id$v=19$…, as the record that goes before its account."""
    parameters = extract_parameters(text)
    salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in text.split("$")[-2:])
    return ExtCredential(
        salt=salt,
        hash=digest,
        memory_kib=parameters.memory_cost,
        time_cost=parameters.time_cost,
        parallelism=parameters.parallelism,
    )


def _hash(section: AccountSection) -> str:
    return section.password_hash if section.password_hash is not None else HASHER.hash(section.password or "")


def _is_current(section: AccountSection, known: bytes) -> bool:
    """Whether the configuration's password, or its hash, is the one in the log."""
    credential = cast(ExtCredential, unpack_command(known))
    if section.password is None:
        wanted = credential_of(_hash(section))
        fields = ("salt", "hash", "memory_kib", "time_cost", "parallelism")
        return all(getattr(wanted, field) == getattr(credential, field) for field in fields)
    salt, digest = (base64.b64encode(part).rstrip(b"=") for part in (credential.salt, credential.hash))
    costs = f"$argon2id$v=19$m={credential.memory_kib},t={credential.time_cost},p={credential.parallelism}$".encode()
    try:
        return verify_secret(costs + salt + b"$" + digest, section.password.encode(), Type.ID)
    except VerifyMismatchError:
        return False
