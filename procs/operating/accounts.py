"""The commands that set what accounts may do and what they pay, or why they can't be given.

Each function gives a record that the router then judges; its sender and client id are the caller's to add.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.schema import AccountSection, FeeTierSection
from procs.operating.amounts import units_of
from procs.operating.directory import Directory
from procs.operating.errors import NotPossibleError
from procs.operating.sections import section_of
from procs.router import config_records
from shm.records import AccountLimits, DepositLimit, FeeTier, PositionLimit, Welcome


def account_limits(directory: Directory, account: str, named: Mapping[str, Any]) -> AccountLimits:
    """What an account may do, and its defaults; what is not `named` stays. NotPossibleError."""
    section = section_of(AccountSection, {"name": account, **named})
    number = directory.account(account).number
    command = config_records.account_limits(section, number, directory.account_limits_of(number))
    if bool(command.max_orders) != bool(command.window_ms):
        raise NotPossibleError(
            "max_orders and window_ms belong together: so many orders in so many milliseconds", "max_orders"
        )
    if command.fee_tier and command.fee_tier not in directory.fee_tiers:
        raise NotPossibleError(f"there is no fee tier {command.fee_tier} yet", "fee_tier")
    return command


def position_limit(directory: Directory, account: str, asset: str, most: str) -> PositionLimit:
    """The most that an account may own of an asset; 0: no limit. NotPossibleError."""
    units = _most(directory, asset, most, "most")
    number = directory.account(account).number
    return PositionLimit(cl_ord_id=b"", target=number, asset=directory.asset(asset)[0], max_units=units)


def deposit_limit(directory: Directory, asset: str, amount: str) -> DepositLimit:
    """The most of an asset that one operator deposits alone in a day; 0: nothing. NotPossibleError."""
    units = _most(directory, asset, amount, "amount")
    return DepositLimit(cl_ord_id=b"", asset=directory.asset(asset)[0], amount=units)


def welcome(directory: Directory, asset: str, amount: str) -> Welcome:
    """What each account that registers is given of an asset; 0: nothing. NotPossibleError."""
    units = _most(directory, asset, amount, "amount")
    return Welcome(cl_ord_id=b"", asset=directory.asset(asset)[0], amount=units)


def fee_tier(tier: int, maker_fee_ppm: int, taker_fee_ppm: int) -> FeeTier:
    """The rates of a fee tier. NotPossibleError."""
    section_of(FeeTierSection, {"tier": tier, "maker_fee_ppm": maker_fee_ppm, "taker_fee_ppm": taker_fee_ppm})
    return FeeTier(cl_ord_id=b"", tier=tier, maker_fee_ppm=maker_fee_ppm, taker_fee_ppm=taker_fee_ppm)


def _most(directory: Directory, asset: str, amount: str, field: str) -> int:
    units = units_of(directory, asset, amount)
    if units < 0:
        raise NotPossibleError(f"{amount} is below zero", field)
    return units
