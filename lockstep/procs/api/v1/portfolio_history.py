"""`/v1/portfolio/history`: what an account was worth, at the ends of hours, days or minutes.

A value is there only where everything that the account had then had a price: a curve with a hole says so.
"""

from __future__ import annotations

from litestar import Controller, get
from msgspec import Struct

from lockstep.core.rules.intervals import STORED
from lockstep.procs.api.history.intervals import Bins
from lockstep.procs.api.history.past_balances import MOST_MOMENTS, Past, past_balances
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import Symbol
from lockstep.procs.api.v1.portfolio import quote_of
from lockstep.procs.api.v1.problems import invalid
from lockstep.procs.api.v1.statements import US, Since, Until, amount_text

SPACES = STORED[1:]  # between moments


class PastValue(Struct, frozen=True):
    """What an account was worth after all that came before `time`. `value` is null where an asset that it had then had
    no price; `unpriced` are these."""

    time: int
    value: str | None
    unpriced: list[str]


class PortfolioHistory(Struct, frozen=True):
    """In the order of time; it counts what commands up to `seq` of the log have caused."""

    quote: str
    interval: str
    seq: int
    values: list[PastValue]


class PortfolioHistoryController(Controller):
    """One's own portfolio's past."""

    path = "/v1"
    tags = ["account"]  # noqa: RUF012 - Litestar's name

    @get("/portfolio/history")
    async def history(
        self, caller: Caller, services: Services, since: Since, until: Until = None, interval: str = "1d",
        quote: Symbol | None = None,
    ) -> PortfolioHistory:  # fmt: skip
        """Its value in `quote` whenever an interval (1m, 5m, 1h or 1d) ends from a time on, up to another."""
        return await portfolio_history_of(services, caller.account, since, until, interval, quote)


async def portfolio_history_of(
    services: Services, account: int, since: int, until: int | None, interval: str, quote: str | None
) -> PortfolioHistory:
    """What an account was worth, with all that was told before. ProblemError, DeclinedError."""
    if interval not in SPACES:
        raise invalid("interval", f"There are {', '.join(SPACES)}.")
    now = int(1000 * services.clock())
    moments = _moments(since, now if until is None else min(until, now), interval)
    named = quote_of(services, quote)
    scale = services.asset(named)[1]
    await services.caught_up()
    read = await services.slow.ask(lambda history: past_balances(history, account, moments, interval, named, scale))
    return PortfolioHistory(named, interval, read.at.complete_seq, [_shown(past, scale) for past in read.rows])


def _moments(since: int, until: int, interval: str) -> list[int]:
    """When intervals end from a time on, up to another, in microseconds. ProblemError."""
    bins = Bins(interval)
    begins = bins.at_or_after(since * US)
    count = (until * US - begins) // (bins.forward(begins, 1) - begins) + 1
    if count > MOST_MOMENTS:
        raise invalid("from", f"That is more than {MOST_MOMENTS} moments: begin later, or take a longer interval.")
    return [bins.forward(begins, i) for i in range(count)]


def _shown(past: Past, scale: int) -> PastValue:
    value = past.value
    return PastValue(past.time_us // US, None if value is None else amount_text(value, scale), past.unpriced)
