"""A database that is away is told to each client, and to the log now and then."""

from __future__ import annotations

import asyncio
import json

import pytest

from procs.api.binance.errors import ApiError
from procs.api.binance.past import QUIET_S, Past
from procs.api.history.tables import History


def test_the_log_has_one_line_in_ten_seconds_with_how_many_were_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0

    async def asked() -> None:
        nonlocal now_s
        past = Past(lambda: History("postgresql://127.0.0.1:1/none"), lambda: now_s)

        async def ask() -> None:
            with pytest.raises(ApiError, match="history is away"):
                await past.ask(lambda history: history.trades("BTCUSDT"))

        await asyncio.gather(*(ask() for _ in range(30)))
        now_s = QUIET_S - 0.1
        await ask()
        now_s = QUIET_S
        await asyncio.gather(*(ask() for _ in range(5)))
        await past.close()

    asyncio.run(asked())
    written = capsys.readouterr()
    lines = [json.loads(line) for line in (written.out + written.err).splitlines() if "history_unavailable" in line]
    assert [line["left_out"] for line in lines] == [0, 30]
