"""The settings that a start would change: each with its value before and after.

It compares two looks at the state; it replays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, structs

from lockstep.cli.show import Shown

# What a look has, by the field that names an entry; and what changes with time, by no configuration.
NAMED = {"instruments": ("instrument", "symbol"), "accounts": ("account", "name"), "fee_tiers": ("fee tier", "tier")}
PASSING = ("phase", "credential_age_days")
NOTHING: tuple[object, ...] = ("", 0, [], {})


def between(before: Shown, after: Shown) -> Iterator[str]:
    """Yield a line for each setting of an entry that both looks have, and that differs."""
    for section, (what, key) in NAMED.items():
        old = {getattr(each, key): each for each in getattr(before, section)}
        for each in getattr(after, section):
            name = getattr(each, key)
            if name in old:
                yield from (f"{what} {name}: {line}" for line in _fields(old[name], each))


def _fields(old: Struct, new: Struct) -> Iterator[str]:
    for field in structs.fields(new):
        values: Sequence[Any] = getattr(old, field.name), getattr(new, field.name)
        if field.name in PASSING or values[0] == values[1]:
            continue
        if field.name == "credential_since":
            yield "another password"
        else:
            yield f"{field.name.replace('_', ' ')} {_text(values[0])} -> {_text(values[1])}"


def _text(value: Any) -> str:
    if value in NOTHING and not isinstance(value, bool):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{amount} {asset}" for asset, amount in value.items())
    if isinstance(value, list):
        return "; ".join(f"{each.phase.lower()} from {each.time} on {', '.join(each.days)}" for each in value)
    return str(value)
