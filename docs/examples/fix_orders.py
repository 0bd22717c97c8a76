"""A FIX order client: logs on, enters a limit order, changes its price, cancels it, and prints every report.

    python docs/examples/fix_orders.py [PORT [USER]]

It keeps nothing on disk, so it starts its session's numbers at 1 each time (`reset`). A client that must not miss a
report keeps the session's state and lets the venue resend (docs/client.md).
"""

from __future__ import annotations

import asyncio
import sys

from lockstep import FixClient, Report

SYMBOL = "BTCUSDT"


def line(report: Report) -> str:
    """Say what matters of a report."""
    ids = f"OrderID={report.order_id}  ClOrdID={report.client_order_id}"
    return f"{ids}  OrdStatus={report.status}  Price={report.price}  LeavesQty={report.left}  {report.text}"


async def main(port: int = 9878, user: str = "TRADER1") -> None:
    session = FixClient(user, "demo", port=port)
    await session.connect(reset=True)

    order = await session.place(SYMBOL, "buy", "0.5", "50000.00")
    print(line(await session.report(order)))  # OrdStatus 0: it rests in the book

    moved = await session.replace(order, SYMBOL, "buy", "0.5", "50001.00")
    print(line(await session.report(moved)))  # OrdStatus 0 at the new price, under the new ClOrdID

    await session.cancel(moved, SYMBOL, "buy")
    print(line(await session.report()))  # OrdStatus 4: cancelled

    await session.log_out()


if __name__ == "__main__":
    asyncio.run(main(*(kind(argument) for kind, argument in zip((int, str), sys.argv[1:], strict=False))))
