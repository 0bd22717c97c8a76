"""A misspelt name is answered with few names, the likeliest first."""

from __future__ import annotations

from lockstep.config.nearest import nearest


def test_a_few_names_are_all_named() -> None:
    assert nearest("ETH", []) == "there are none yet"
    assert nearest("ETH", ["BTC", "USDT"]) == "there are BTC, USDT"


def test_of_many_names_the_likeliest_five_are_named_whatever_the_case() -> None:
    names = [f"COIN{number:03}USDT" for number in range(1000)] + ["BTCUSDT"]
    said = nearest("btcusd", names)
    assert said.startswith("the nearest are BTCUSDT, ")
    assert said.count(",") == 4
