"""`lockstep show`: the settings in force: instruments with their limits and schedules, accounts, fee tiers.

It prints the state that the log leads to: the configuration of the starts, and operators' changes since.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

from msgspec import Struct
from rich.text import Text

from lockstep.cli.state import current, listing_of
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.config.schema import DAYS
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.formatting import Names, time_text
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import BandAction, Phase, SelfTrade
from lockstep.procs.router.state import State

DAY_S = 86_400
FEE_TIERS = range(1, 256)


class ScheduledPhaseShown(Struct, frozen=True):
    """A phase that begins at a time of day (UTC) on some days."""

    time: str
    phase: str
    days: list[str]


class InstrumentShown(Struct, frozen=True):
    """An instrument and what it allows. Amounts are decimals; "" and 0 stand for no limit, no band."""

    symbol: str
    matcher: int
    phase: str
    tick: str
    lot: str
    reference_price: str
    collar_bps: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    static_band_bps: int
    dynamic_band_bps: int
    band_action: str
    volatility_auction_ms: int
    max_quantity: str
    max_value: str
    day_end: str
    schedule: list[ScheduledPhaseShown]


class AccountShown(Struct, frozen=True):
    """An account and what it may do; 0 stands for no limit. `credential_since`: when its password was last set."""

    name: str
    operator: bool
    blocked: bool
    max_open_orders: int
    max_orders: int
    window_ms: int
    self_trade: str
    self_trade_group: int
    fee_tier: int
    position_limits: dict[str, str]
    credential_since: str
    credential_age_days: int


class FeeTierShown(Struct, frozen=True):
    tier: int
    maker_fee_ppm: int
    taker_fee_ppm: int


class Shown(Struct, frozen=True):
    """What holds once log record `seq` is done."""

    seq: int
    instruments: list[InstrumentShown]
    accounts: list[AccountShown]
    fee_tiers: list[FeeTierShown]


def show(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the settings in force: limits, bands, schedules, kill switches, position limits, fee tiers, passwords' age.

    Reads the journal, so it works while the venue runs and when it is stopped.

    Exit codes: 0 it is shown; 1 the journal can't be read or replayed; 2 the configuration is wrong, or the venue has
    never run.
    """
    loaded = load(config, secrets=False)
    try:
        found = look(current(loaded, Path(loaded.venue.data)))
    except (JournalError, CoreReplayError, OSError) as error:
        return fail(str(error), json=json)
    print_json(found) if json else _print(found)
    return EXIT_OK


def look(replay: ReplayedCore) -> Shown:
    """What the state of a complete replay says."""
    core = replay.router.core
    names = Names.of_state(core)
    tiers = ((tier, core.fee_tier(tier)) for tier in FEE_TIERS)
    return Shown(
        replay.last_seq,
        [_instrument(symbol.decode(), number, replay, names) for symbol, number in core.instruments.items()],
        [_account(name.decode(), number, core, names) for name, number in core.accounts.items()],
        [FeeTierShown(tier, *rates) for tier, rates in tiers if rates is not None],
    )


def _instrument(symbol: str, number: int, replay: ReplayedCore, names: Names) -> InstrumentShown:
    core = replay.router.core
    owner, listing = listing_of(replay, number)
    terms = cast(dict[str, Any], core.instrument(number))
    limits = cast(dict[str, Any], core.limits(number))
    quantity, value = limits["max_quantity_lots"], limits["max_value"]
    return InstrumentShown(
        symbol=symbol,
        matcher=owner,
        phase=Phase(listing["phase"]).name if listing else "not listed yet",
        tick=step_text(terms["tick_mantissa"], terms["price_scale"]),
        lot=step_text(terms["lot_mantissa"], terms["quantity_scale"]),
        reference_price=names.price(number, price) if (price := terms["reference_price_ticks"]) else "",
        collar_bps=terms["collar_bps"],
        maker_fee_ppm=terms["maker_fee_ppm"],
        taker_fee_ppm=terms["taker_fee_ppm"],
        static_band_bps=limits["static_band_bps"],
        dynamic_band_bps=limits["dynamic_band_bps"],
        band_action=BandAction(limits["band_action"] or BandAction.REJECT).name,
        volatility_auction_ms=limits["volatility_auction_ms"],
        max_quantity=names.quantity(number, quantity) if quantity else "",
        max_value=names.amount(terms["quote_asset"], value) if value else "",
        day_end=_time_of_day(limits["day_end_s"]),
        schedule=[_entry(entry) for entry in core.schedule(number)],
    )


def _account(name: str, number: int, core: State, names: Names) -> AccountShown:
    limits = cast(dict[str, Any], core.account_limits(number))
    held = {asset: (each, core.position_limit(number, each)) for each, (asset, _) in names.assets.items()}
    since_ns = unpack_command(core.credentials[number]).time_ns
    return AccountShown(
        name=name,
        operator=core.is_operator(number),
        blocked=core.is_blocked(number),
        max_open_orders=limits["max_open_orders"],
        max_orders=limits["max_orders"],
        window_ms=limits["window_ms"],
        self_trade=SelfTrade(limits["self_trade"] or SelfTrade.NONE).name,
        self_trade_group=limits["self_trade_group"],
        fee_tier=limits["fee_tier"],
        position_limits={asset: names.units(each, units) for asset, (each, units) in held.items() if units},
        credential_since=time_text(since_ns),
        credential_age_days=max(0, time.time_ns() - since_ns) // (DAY_S * 10**9),
    )


def _entry(entry: dict[str, int]) -> ScheduledPhaseShown:
    days: list[str] = [day for bit, day in enumerate(DAYS) if entry["days"] >> bit & 1]
    return ScheduledPhaseShown(_time_of_day(entry["time_of_day_s"]), Phase(entry["phase"]).name, days)


def _time_of_day(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _print(found: Shown) -> None:
    out = console()
    out.print(f"after record {found.seq:,}")
    rows = table("\ninstruments", "symbol", "phase", "matcher>", "tick>", "lot>", "maker>", "taker ppm>", "collar bps>",
                 "bands bps>", "at a band", "max quantity>", "max value>", "day ends")  # fmt: skip
    for each in found.instruments:
        bands = f"{each.static_band_bps or '-'} / {each.dynamic_band_bps or '-'}"
        rows.add_row(
            each.symbol, each.phase, str(each.matcher), each.tick, each.lot, str(each.maker_fee_ppm),
            str(each.taker_fee_ppm), str(each.collar_bps), bands, each.band_action.lower(), each.max_quantity or "-",
            each.max_value or "-", each.day_end,
        )  # fmt: skip
    out.print(rows)
    for each in found.instruments:
        for entry in each.schedule:
            out.print(f"{each.symbol} {entry.phase.lower()} from {entry.time} UTC on {', '.join(entry.days)}")
    rows = table("\naccounts", "name", "may", "open orders>", "orders / window>", "self trade", "group>", "fee tier>",
                 "position limits", "password since")  # fmt: skip
    for each_account in found.accounts:
        rate = f"{each_account.max_orders} / {each_account.window_ms} ms" if each_account.max_orders else "-"
        rows.add_row(
            each_account.name, _may(each_account), f"{each_account.max_open_orders or '-'}", rate,
            each_account.self_trade.lower(), str(each_account.self_trade_group or "-"),
            str(each_account.fee_tier or "-"),
            ", ".join(f"{amount} {asset}" for asset, amount in each_account.position_limits.items()) or "-",
            f"{each_account.credential_since[:10]} ({each_account.credential_age_days} days)",
        )  # fmt: skip
    out.print(rows)
    if found.fee_tiers:
        rows = table("\nfee tiers", "tier>", "maker ppm>", "taker ppm>")
        for tier in found.fee_tiers:
            rows.add_row(str(tier.tier), str(tier.maker_fee_ppm), str(tier.taker_fee_ppm))
        out.print(rows)


def _may(account: AccountShown) -> Text:
    if account.blocked:
        return Text("nothing: its kill switch is on", style="red")
    return Text("trade, operate" if account.operator else "trade")
