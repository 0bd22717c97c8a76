"""Run in nautilus_trader's environment: carries out orders that come as JSON lines; see players.py.

It has an order resting and cancels it before it takes any. After the last one it prints what it was told of the market.
"""

import asyncio
import json
import sys

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

HTTP, NAME = sys.argv[1:3]
INSTRUMENT = InstrumentId.from_str("ETHUSDT.BINANCE")


def say(told):
    print(json.dumps(told), flush=True)


class Player(Strategy):
    """Its orders are limit orders; it says when one rests or is filled."""

    def on_start(self):
        self.told = {"quotes": 0, "trades": 0, "bars": 0, "books": 0}
        self.instrument = self.cache.instrument(INSTRUMENT)
        self.subscribe_quote_ticks(INSTRUMENT)
        self.subscribe_trade_ticks(INSTRUMENT)
        self.subscribe_bars(BarType.from_str(f"{INSTRUMENT}-1-SECOND-LAST-EXTERNAL"))
        self.subscribe_order_book_deltas(INSTRUMENT)
        self.first = self.place("BUY", 0.01, 1, post_only=True)

    def place(self, side, quantity, price, **more):
        instrument = self.instrument
        order = self.order_factory.limit(
            INSTRUMENT, OrderSide[side], instrument.make_qty(quantity), instrument.make_price(price), **more
        )
        self.submit_order(order)
        return order

    def on_order_accepted(self, event):
        if event.client_order_id == self.first.client_order_id:
            self.cancel_order(self.first)
        else:
            say(str(event.venue_order_id))

    def on_order_canceled(self, _):
        say(sorted(f"{each.base_currency}/{each.quote_currency}" for each in self.cache.instruments()))

    def on_order_filled(self, event):
        order = self.cache.order(event.client_order_id)
        if order.is_closed:
            say([float(order.filled_qty), float(order.avg_px)])

    def on_quote_tick(self, _):
        self.told["quotes"] += 1

    def on_trade_tick(self, _):
        self.told["trades"] += 1

    def on_bar(self, _):
        self.told["bars"] += 1

    def on_order_book_deltas(self, _):
        self.told["books"] += 1


async def play(node, player):
    running = asyncio.create_task(node.run_async())
    while line := await asyncio.to_thread(sys.stdin.readline):
        player.place(*json.loads(line))
    say(player.told)
    await node.stop_async()
    await running


def main():
    venue = {
        "api_key": f"{NAME}-demo-key",
        "api_secret": f"{NAME}-demo-secret",
        "account_type": BinanceAccountType.SPOT,
        "base_url_http": HTTP,
        "base_url_ws": HTTP.replace("http", "ws", 1),
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    node = TradingNode(
        TradingNodeConfig(
            trader_id=TraderId("PLAYER-001"),
            logging=LoggingConfig(log_level="OFF"),
            exec_engine=LiveExecEngineConfig(reconciliation_startup_delay_secs=0),
            timeout_post_stop=0.5,
            data_clients={BINANCE: BinanceDataClientConfig(**venue)},
            exec_clients={BINANCE: BinanceExecClientConfig(**venue)},
        )
    )
    player = Player()
    node.trader.add_strategy(player)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    try:
        node.get_event_loop().run_until_complete(play(node, player))
    finally:
        node.dispose()


main()
