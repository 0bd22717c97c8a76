"""Requests of users as their gateways write them: an order, a cancel and a replace, with little to say."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.core.schema.records import Cancel, Command, NewOrder, Replace
from tests.naming import meaning
from tests.router.rig import NOW

Wording = Callable[[Cancel | Replace, bytes], list[Command]]


def order(account: int, text: str, **terms: int) -> NewOrder:
    values = {"instrument": 1, "side": 1, "ord_type": 2, "time_in_force": 1, "price_ticks": 100, "quantity_lots": 5}
    values |= terms
    return NewOrder(
        account=account, session=account, time_ns=values.pop("time_ns", NOW), cl_ord_id=text.encode(), **values
    )


def cancel(
    account: int, text: str, target: str, instrument: int = 1, side: int = 0, words: Wording = meaning
) -> list[Command]:
    main = Cancel(
        account=account, session=account, time_ns=NOW, cl_ord_id=text.encode(), instrument=instrument, side=side
    )
    return words(main, target.encode())


def replace(
    account: int, text: str, target: str, price: int, quantity: int, instrument: int = 1, flags: int = 0,
    words: Wording = meaning,
) -> list[Command]:  # fmt: skip
    main = Replace(
        account=account, session=account, time_ns=NOW, cl_ord_id=text.encode(), instrument=instrument,
        price_ticks=price, quantity_lots=quantity, flags=flags,
    )  # fmt: skip
    return words(main, target.encode())


def name(number: int) -> str:
    """A client id, one in three too long to be in one record with another."""
    return f"O{number}" if number % 3 else f"O{number:030}"
