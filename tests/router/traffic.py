"""Orders of four accounts at random: limits and markets, cancels, replaces, with ids that repeat now and then."""

from __future__ import annotations

import random
from collections.abc import Callable

from shm.records import Cancel, Command, NewOrder, Replace
from tests.naming import meaning
from tests.router.rig import ACCOUNTS, NOW

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


def traffic(seed: int, count: int) -> list[list[Command]]:
    """Requests, each a list of records that go in together."""
    rng = random.Random(seed)
    used: list[tuple[int, str, int]] = []
    requests: list[list[Command]] = []
    for number in range(count):
        account = rng.randint(1, ACCOUNTS)
        text = name(number if rng.random() < 0.97 else max(0, number - 5))
        instrument = rng.randint(1, 3)
        kind = rng.random()
        price, quantity = rng.randint(90, 110), rng.choice((1, 2, 5, 30, 400))
        if kind < 0.6 or not used:
            requests.append([order(
                account, text, instrument=instrument, side=rng.randint(1, 2), ord_type=1 if rng.random() < 0.1 else 2,
                time_in_force=rng.choice((1, 1, 1, 3)), price_ticks=price, quantity_lots=quantity,
            )])  # fmt: skip
            used.append((account, text, instrument))
            continue
        owner, target, listed = rng.choice(used[-40:])
        if rng.random() < 0.05:
            listed = listed % 3 + 1
        if kind < 0.75:
            requests.append(cancel(owner, text, target, listed))
        else:
            requests.append(replace(owner, text, target, price, quantity, listed))
            used.append((owner, text, listed))
    return requests
