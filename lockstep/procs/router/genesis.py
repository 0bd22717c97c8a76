"""What the configuration changes, as commands for the log (LOG-3): its difference to the state that was replayed.

It compares and words; the router sequences. It never takes back what was listed, and touches a balance only by a
deposit into one that does not exist yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple, cast

from lockstep.config.schema import AccountSection, Config, InstrumentSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.rules import demo_keys
from lockstep.core.rules.credentials import HASHER, credential_of, is_right
from lockstep.core.rules.demo_keys import DemoKey
from lockstep.core.schema.decimals import in_units
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    API_RING,
    Account,
    ApiKey,
    Asset,
    BandAction,
    Code,
    Deposit,
    DepositLimit,
    ExtCredential,
    ExtKeyMaterial,
    FeeTier,
    KeyKind,
    PositionLimit,
    Registration,
    RegistrationMode,
    Role,
    SelfTrade,
    Welcome,
)
from lockstep.core.venue import venue_key
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.router import config_records
from lockstep.procs.router.config_records import GenesisError
from lockstep.procs.router.sequencer import Sequencer

# What a listed instrument keeps for ever: orders, trades and balances are counted in it.
FIXED = ("base_asset", "quote_asset", "tick_mantissa", "lot_mantissa", "price_scale", "quantity_scale")

ROLES = {role.name.lower(): role for role in Role}
MODES = {mode.name.lower(): mode for mode in RegistrationMode}

__all__ = ["GenesisError", "changes"]


class Change(NamedTuple):
    """A key of the file and its records; no records where something that they need was refused."""

    key: str
    records: list[bytes]


def changes(config: Config, data: Path | None = None) -> Callable[[Sequencer], Iterator[list[bytes]]]:
    """For a router that begins to lead: the commands that bring its state to `config`.

    Each list is sequenced together (an extension before its main record). Made one at a time, since each password takes
    tens of milliseconds. If the log refuses one, its code is sent back and logged with the file's key, and the rest
    goes on. GenesisError, before anything is made, if the file contradicts what was listed.

    The folder `data` has the venue's key, or gets it where nothing has been sealed yet; without a folder no secret
    is sealed, so that no API keys are defined. VenueKeyError, OSError.
    """

    def of(core: Sequencer) -> Generator[list[bytes], Code | None, None]:
        _check(config, core)
        key = None if data is None else venue_key.needed(data, core.sealed) or venue_key.make(data)
        return _reported(_changes(config, core, key))

    return of


def _reported(made: Iterator[Change]) -> Generator[list[bytes], Code | None, None]:
    for change in made:
        refused = (yield change.records) if change.records else Code.INVALID_DEFINITION
        if refused:
            log.error("configuration_refused", key=change.key, code=refused.name, reason="the venue goes on without it")


def _changes(config: Config, core: Sequencer, key: VenueKey | None) -> Iterator[Change]:
    yield from _assets(config, core)
    yield from _instruments(config, core)
    yield from _fee_tiers(config, core)
    yield from _accounts(config, core)
    yield from _registration(config, core)
    yield from _deposit_limits(config, core)
    if key is not None:
        yield from _demo_keys(config, core, key)


def _check(config: Config, core: Sequencer) -> None:
    """Compare the file with what is listed and can't change. GenesisError."""
    for asset in config.assets:
        scale = core.assets.get(asset.name.encode(), (0, asset.scale))[1]
        if scale != asset.scale:
            raise GenesisError(
                f"asset {asset.name}: scale is {scale} in the log and {asset.scale} in the configuration: what was "
                "listed can't change"
            )
    matchers = {section.matcher for section in config.instruments}
    for symbol, number in core.instruments.items():
        matcher = core.instrument(number)["matcher"]
        if matcher not in matchers:
            raise GenesisError(
                f"instrument {symbol.decode()} is with matcher {matcher} in the log, and the configuration has none "
                "such: put it back, or move the instrument before (lockstep move)"
            )
    for section in config.instruments:
        listed = core.instruments.get(section.symbol.encode())
        if listed is None:
            continue
        terms = core.instrument(listed)
        wanted = config_records.instrument(section, core.assets, listed, terms)
        for name in FIXED:
            if terms[name] != getattr(wanted, name):
                raise GenesisError(
                    f"instrument {section.symbol}: {name} is {terms[name]} in the log and {getattr(wanted, name)} in "
                    "the configuration: tick, lot and assets of a listed instrument can't change"
                )


def _assets(config: Config, core: Sequencer) -> Iterator[Change]:
    for asset in config.assets:
        name = asset.name.encode()
        if name not in core.assets:
            record = pack(Asset(name=name, asset=len(core.assets) + 1, scale=asset.scale))
            yield Change(f"assets[{asset.name}]", [record])


def _instruments(config: Config, core: Sequencer) -> Iterator[Change]:
    for section in config.instruments:
        key = f"instruments[{section.symbol}]"
        symbol = section.symbol.encode()
        listed = core.instruments.get(symbol)
        if listed is not None:
            terms = core.instrument(listed)
            wanted = config_records.instrument(section, core.assets, listed, terms)
            if core.is_delisted(listed):
                continue
            if section.delisted:
                log.error("configuration_refused", key=f"{key}.delisted", reason="the log has it listed, and delisting "
                          f"is for ever: lockstep delist {section.symbol} does it, no file")  # fmt: skip
            if any(terms[name] != getattr(wanted, name) for name in config_records.TERMS):
                yield Change(key, [pack(wanted)])
        elif section.delisted:
            continue  # it never was
        elif section.base.encode() in core.assets and section.quote.encode() in core.assets:
            wanted = config_records.instrument(section, core.assets, len(core.instruments) + 1)
            yield Change(key, [pack(wanted)])
        else:
            yield Change(key, [])  # its asset was refused
        if symbol in core.instruments:
            for records in _protections(section, core, core.instruments[symbol]):
                yield Change(key, records)


def _protections(section: InstrumentSection, core: Sequencer, instrument: int) -> Iterator[list[bytes]]:
    """Limits and schedule, as far as the configuration gives them."""
    known = core.limits(instrument)
    limits = config_records.limits(section, instrument, known, core.assets)
    present = {**known, "band_action": known["band_action"] or BandAction.REJECT}
    if any(getattr(limits, name) != present[name] for name in config_records.LIMITS):
        yield [pack(limits)]
    if section.schedule is not None:
        entries = config_records.schedule(section.schedule, instrument)
        wanted = [(entry.time_of_day_s, entry.phase, entry.days) for entry in entries if entry.entries]
        scheduled = [(entry["time_of_day_s"], entry["phase"], entry["days"]) for entry in core.schedule(instrument)]
        if sorted(wanted) != sorted(scheduled):
            yield from ([pack(entry)] for entry in entries)


def _fee_tiers(config: Config, core: Sequencer) -> Iterator[Change]:
    for section in config.fee_tiers:
        if core.fee_tier(section.tier) != (section.maker_fee_ppm, section.taker_fee_ppm):
            record = FeeTier(
                cl_ord_id=b"",
                tier=section.tier,
                maker_fee_ppm=section.maker_fee_ppm,
                taker_fee_ppm=section.taker_fee_ppm,
            )
            yield Change(f"fee_tiers[{section.tier}]", [pack(record)])


def _accounts(config: Config, core: Sequencer) -> Iterator[Change]:
    for section in config.accounts:
        key = f"accounts[{section.name}]"
        name = section.name.encode()
        account = core.accounts.get(name, len(core.accounts) + 1)
        known = core.credentials.get(account) if name in core.accounts else None
        role = ROLES[section.role] if section.role else Role.OPERATOR if section.operator else Role.TRADER
        own = None if known is None else _own(known)
        if known is None or core.role(account) != role or not (own or _is_current(section, known)):
            credential = own or credential_of(_hash(section))
            yield Change(key, [_credential(account, credential), pack(Account(account=account, name=name, role=role))])
        if name not in core.accounts:
            continue
        for asset_name, amount in section.deposits.items():
            if asset_name.encode() not in core.assets:
                yield Change(f"{key}.deposits.{asset_name}", [])
                continue
            asset, scale = core.assets[asset_name.encode()]
            units = in_units(amount, scale)
            if units and core.ledger.balance(account, asset) is None:
                id = _free_id(core, account, f"initial:{asset_name}")
                deposit = Deposit(account=account, asset=asset, amount=units, cl_ord_id=id)
                yield Change(f"{key}.deposits.{asset_name}", [pack(deposit)])
        for records in _account_limits(section, core, account):
            yield Change(key, records)


def _own(known: bytes) -> ExtCredential | None:
    """The password that was given by the api, at its owner's or an admin's wish: the file does not take it back."""
    credential = cast(ExtCredential, unpack_command(known))
    return credential if credential.ingress == API_RING else None


def _credential(account: int, known: ExtCredential) -> bytes:
    hashed = {name: getattr(known, name) for name in ("salt", "hash", "memory_kib", "time_cost", "parallelism")}
    return pack(ExtCredential(account=account, **hashed))


def _registration(config: Config, core: Sequencer) -> Iterator[Change]:
    """Who may register, and what the venue gives him, as far as the configuration says."""
    if config.api.registration is not None and core.registration != MODES[config.api.registration]:
        record = Registration(cl_ord_id=b"", mode=MODES[config.api.registration])
        yield Change("api.registration", [pack(record)])
    for name, amount in config.api.welcome.items():
        key = f"api.welcome.{name}"
        if name.encode() not in core.assets:
            yield Change(key, [])
            continue
        asset, scale = core.assets[name.encode()]
        units = in_units(amount, scale)
        if core.welcome(asset) != units:
            yield Change(key, [pack(Welcome(cl_ord_id=b"", asset=asset, amount=units))])


def _deposit_limits(config: Config, core: Sequencer) -> Iterator[Change]:
    """What one operator may deposit alone, as far as the configuration says."""
    for section in config.assets:
        known = core.assets.get(section.name.encode())
        if section.deposit_limit is None or known is None:
            continue
        asset, scale = known
        units = in_units(section.deposit_limit, scale)
        if core.deposit_limit(asset) != units:
            record = DepositLimit(cl_ord_id=b"", asset=asset, amount=units)
            yield Change(f"assets[{section.name}].deposit_limit", [pack(record)])


def _demo_keys(config: Config, core: Sequencer, key: VenueKey) -> Iterator[Change]:
    """Those that were never defined: one that was revoked stays so."""
    for section in config.accounts:
        account = core.accounts.get(section.name.encode())
        if not section.demo_keys or account is None:
            continue
        for each in demo_keys.of_account(section.name):
            if each.name.encode() not in core.keys:
                yield Change(f"accounts[{section.name}].demo_keys", _key_records(account, each, key))


def _key_records(account: int, demo: DemoKey, key: VenueKey) -> list[bytes]:
    if demo.kind == KeyKind.HMAC:
        material = key.seal_secret(demo.name, demo.secret)
    else:
        material = demo.private_key.public_key().public_bytes_raw()
    definition = ApiKey(name=demo.name.encode(), target=account, kind=demo.kind, scopes=demo_keys.SCOPES)
    return [pack(ExtKeyMaterial(material=material, size=len(material))), pack(definition)]


def _free_id(core: Sequencer, account: int, wanted: str) -> bytes:
    """`wanted`, or that with a number: the account may have used it, and a deposit is given once in any case."""
    ids = (wanted if number == 1 else f"{wanted}:{number}" for number in itertools.count(1))
    return next(id.encode() for id in ids if not core.knows_id(account, id.encode()))


def _account_limits(section: AccountSection, core: Sequencer, account: int) -> Iterator[list[bytes]]:
    known = core.account_limits(account)
    limits = config_records.account_limits(section, account, known)
    present = {**known, "self_trade": known["self_trade"] or SelfTrade.NONE}
    if any(getattr(limits, name) != present[name] for name in config_records.ACCOUNT_LIMITS):
        yield [pack(limits)]
    for name, amount in section.position_limits.items():
        if name.encode() not in core.assets:
            continue  # its refusal was logged
        asset, scale = core.assets[name.encode()]
        units = in_units(amount, scale)
        if core.position_limit(account, asset) != units:
            yield [pack(PositionLimit(cl_ord_id=b"", target=account, asset=asset, max_units=units))]


def _hash(section: AccountSection) -> str:
    return section.password_hash if section.password_hash is not None else HASHER.hash(section.password or "")


def _is_current(section: AccountSection, known: bytes) -> bool:
    """Whether the configuration's password, or its hash, is the one in the log."""
    credential = cast(ExtCredential, unpack_command(known))
    if section.password is None:
        wanted = credential_of(_hash(section))
        fields = ("salt", "hash", "memory_kib", "time_cost", "parallelism")
        return all(getattr(wanted, field) == getattr(credential, field) for field in fields)
    return is_right(section.password, credential)
