"""What an api has shown of an account, held against what the log's repeat leaves: its orders, open ones, and fills.

Rows are as the dialect of Binance has them; the simulation and the tests with real processes use the same checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.broken import require
from tests.invariants import Rows
from tests.models import derived_rows

Shown = Mapping[str, Any]
OVER = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED"})


def check_orders(name: str, account: int, shown: Iterable[Shown], still_open: Iterable[Shown], expected: Rows) -> None:
    """All orders, each once, and the open ones, are those that the log's events leave."""
    rows = {row["order_id"]: row for row in expected.all["orders"] if row["user_id"] == account}
    found = [row for row in shown if row["status"] != "REJECTED"]
    for row in found:
        right = rows.get(row["orderId"])
        require(right, f"{name} is shown order {row}, of which the log knows nothing")
        assert right is not None
        filled, is_open = Decimal(row["executedQty"]), row["status"] not in OVER
        said = (row["symbol"], row["clientOrderId"], row["side"], filled, is_open)
        log = (right["symbol"], right["cl_ord_id"], right["side"], right["filled"], right["is_open"])
        require(said == log, f"{name} is shown order {row['orderId']} as {said}, and the log has {log}")
    ids, right_ids = Counter(row["orderId"] for row in found), Counter([*rows])
    require(ids == right_ids, f"I3: {name} is shown {ids - right_ids} too many, and lacks {right_ids - ids}")
    ids = Counter(row["orderId"] for row in still_open)
    right_ids = Counter(order for order, row in rows.items() if row["is_open"])
    require(ids == right_ids, f"{name} is shown {ids - right_ids} as open, and not {right_ids - ids}")


def check_fills(name: str, account: int, shown: Mapping[str, Iterable[Shown]], expected: Rows) -> None:
    """Each fill is there once (I3), and says what the trade does; `shown` are they, by symbol."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in derived_rows.standing(expected.all["trades"], expected.all["corrections"]):
        for side in ("buyer", "seller"):
            if row[f"{side}_id"] == account:
                found[row["symbol"], row["trade_id"], row["price"], row["quantity"], row[f"{side}_fee"]] += 1
    said = Counter(
        (symbol, row["id"], Decimal(row["price"]), Decimal(row["qty"]), Decimal(row["commission"]))
        for symbol, rows in shown.items()
        for row in rows
    )
    require(said == found, f"I3: {name} is shown fills {said - found} too many, and {found - said} too few")
