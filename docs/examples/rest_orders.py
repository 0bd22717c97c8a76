"""An order by signed REST, and what the account's stream tells of it; in blocking code.

    python docs/examples/rest_orders.py [PORT [USER]]

It rests far from the market, and is cancelled.
"""

from __future__ import annotations

import sys

from lockstep import V1, Binance, Events, HmacKey, VenueError, each, run


def main(port: int = 8080, user: str = "TRADER1") -> None:
    url = f"http://127.0.0.1:{port}"
    events = each(Events(V1(url, user, "demo"), ["orders"]).follow())
    while not next(events).is_last:  # the image: open orders
        pass

    venue = Binance(url, HmacKey(f"{user}-demo-key", f"{user}-demo-secret"))
    order = run(venue.place("BTCUSDT", "BUY", "0.1", "1.00"))
    print(order.status, next(events).event)  # NEW accepted
    print(run(venue.cancel("BTCUSDT", order.order_id)).status, next(events).event)  # CANCELED cancelled
    try:
        run(venue.cancel("BTCUSDT", order.order_id))
    except VenueError as error:
        print(error.code, error.text)  # -2011 Unknown order sent.


if __name__ == "__main__":
    main(*(kind(argument) for kind, argument in zip((int, str), sys.argv[1:], strict=False)))
