"""Bugs of the api that are planted into a simulated venue, to show that its clients find them.

As in `bugs.py`, each changes what a test builds; production code has no switch for any of them.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Cancelled
from lockstep.core.tables.saved import Loader
from lockstep.procs.api.binance import caller
from lockstep.procs.api.binance.account import Account
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.read.shown import Shown
from tests.intake.order_table import apply
from tests.simulation import api
from tests.simulation.api import AGENT, Outcome
from tests.simulation.bugs import Bug, Ungated

if TYPE_CHECKING:
    from tests.simulation.lifecycle import Life


class AnsweredBeforeCommit(Ungated):
    """LOG-13: an order is answered whose command is not committed."""

    agent = AGENT


class RetrySentTwice(Bug):
    """I3: the client id of an order that came without one is drawn, so that the same request again is another order."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(caller, "hashlib", _Salted()):
            yield


class _Salted:
    def __init__(self) -> None:
        self._salt = itertools.count()

    def sha256(self, data: bytes) -> Any:
        return hashlib.sha256(data + b"%d" % next(self._salt))


class BalancesUnsettled(Bug):
    """LOG-14: balances are shown as they are, whatever their owner has been told of orders meanwhile."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        settled = Account.account

        async def at_once(account: Account, call: Any) -> bytes:
            hasty = copy.copy(account)
            hasty._desk = _Settled()  # type: ignore[assignment]
            return await settled(hasty, call)

        with patch.object(Account, "account", at_once):
            yield


class _Settled:
    def settled_of(self, _account: int) -> Outcome:
        done = Outcome()
        done.set_result(None)
        return done


class ForgottenWithTheCore(Bug):
    """I10: requests whose commands are still in the ingress ring are forgotten when the core starts again."""

    def __init__(self) -> None:
        waiting: list[Forgettable] = []

        class Forgettable(Outcome):
            def __init__(self) -> None:
                super().__init__()
                self.is_forgotten = False
                waiting.append(self)

            def set_result(self, result: object) -> None:
                if not self.is_forgotten:
                    super().set_result(result)

            def set_exception(self, error: Exception) -> None:
                if not self.is_forgotten:
                    super().set_exception(error)

        self.outcome = Forgettable
        self._waiting = waiting

    def stage(self, name: str, stage: Any, world: Life) -> Any:  # noqa: ARG002
        if name != AGENT:
            return stage
        attach = stage.attach

        def forgets(consumers: Any, board: Any) -> None:
            for each in self._waiting:
                each.is_forgotten = True
            self._waiting.clear()
            attach(consumers, board)

        stage.attach = forgets
        return stage


class OpenOrderLost(Bug):
    """LOG-18: an order that is open is not in the api's part of a snapshot."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(api, "Desk", _Forgetful):
            yield


class _Forgetful(Desk):
    """The newest open order of an account is none any more once its part is loaded."""

    def load(self, loader: Loader) -> None:
        super().load(loader)
        for account in self.people.numbers():
            for order in Shown(self).open_orders(account)[-1:]:
                apply(self.orders, pack(_cancel(account, order.order_id)))


def _cancel(account: int, order: int) -> Cancelled:
    return Cancelled(
        order_id=order, account=account, session=0, price_ticks=0, leaves_lots=0, cl_ord_id=b"", side=0, reason=0
    )


ALL: tuple[type[Bug], ...] = (
    AnsweredBeforeCommit, RetrySentTwice, BalancesUnsettled, ForgottenWithTheCore, OpenOrderLost,
)  # fmt: skip
BUGS_OF_API: dict[str, type[Bug]] = {bug.__name__: bug for bug in ALL}
