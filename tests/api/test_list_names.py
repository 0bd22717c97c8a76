"""The names of lists, held against a dictionary; and what a desk keeps of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lockstep.core.schema.records import (
    Accepted,
    CancelReason,
    ExtListNameEvent,
    ExtTermsEvent,
    ListKind,
    OrderState,
    Side,
)
from lockstep.procs.api.list_names import ListNames
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.batcher.spool import Spool
from tests.api.test_archive import Memory, joined, load
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import BTCUSDT, Open, Stream
from tests.tables import parts

NAMES = [b"a", b"b", b"n" * 36, b"other"]


@pytest.mark.parametrize("seed", range(6))
def test_names_are_those_of_a_dictionary(seed: int) -> None:
    draw = random.Random(seed)
    names = ListNames()
    model: dict[tuple[int, int], bytes] = {}
    halves: set[tuple[int, int]] = set()  # lists of which one order is forgotten
    for number in range(1, 6000):
        account = draw.randint(1, 3)
        if draw.random() < (0.7 if number % 2000 < 1000 else 0.3):
            name = draw.choice([*NAMES, b"%d" % number])
            names.put(number, account, name)
            model[account, number] = name
        elif model:
            list_account, list_id = draw.choice(list(model)) if draw.random() < 0.5 else next(iter(model))
            names.take(list_id, list_account)
            if (list_account, list_id) in halves:
                del model[list_account, list_id]
            halves ^= {(list_account, list_id)}
        else:
            names.take(number, account)
        if number % 500 == 0:
            names.check()
            assert len(names) == len(model)
            for (of, list_id), name in model.items():
                assert names.name_of(of, list_id) == name
                assert names.name_of(of + 1, list_id) == b""
    again = ListNames()
    parts.load(again, parts.part_of(names))
    again.check()
    assert [again.name_of(of, list_id) for of, list_id in model] == list(model.values())
    assert names.find(1, b"unknown") == names.find(1, b"") == names.find(1, b"n" * 37) == 0


def test_a_name_means_the_newest_list_of_its_account() -> None:
    names = ListNames()
    for list_id, account in ((5, 1), (9, 1), (7, 2)):
        names.put(list_id, account, b"mine")
    assert (names.find(1, b"mine"), names.find(2, b"mine"), names.find(3, b"mine")) == (9, 7, 0)
    for _ in range(2):
        names.take(5, 1)
    assert names.find(1, b"mine") == 9
    names.take(9, 1)
    assert names.find(1, b"mine") == 9
    names.take(9, 1)
    assert names.find(1, b"mine") == 0
    names.check()


def enter_list(stream: Stream, name: bytes, account: int = 1) -> list[Open]:
    """A list's events, as its matcher writes them; with a name, if it is not empty."""
    leg, main = stream.command(), stream.command()
    orders = []
    for order_id, mate in ((main, leg), (leg, main)):
        if name:
            stream.emit(1, ExtListNameEvent, instrument=BTCUSDT, name=name)
        stream.emit(1, ExtTermsEvent, instrument=BTCUSDT, mate_order_id=mate, list_kind=ListKind.OTO)
        stream.emit(
            1, Accepted, instrument=BTCUSDT, order_id=order_id, price_ticks=100, quantity_lots=5, account=account,
            session=account, cl_ord_id=b"order-%d" % order_id, side=Side.BUY, ord_type=2, time_in_force=1,
            state=OrderState.PLAIN if order_id == main else OrderState.WAITING,
        )  # fmt: skip
        orders.append(Open(order_id, account, Side.BUY, 100, 5))
    return orders


def test_the_desk_forgets_a_name_with_its_order() -> None:
    stream = Stream().define()
    memory = Memory(stream, 4)
    first = enter_list(stream, b"first")
    enter_list(stream, b"")
    last = enter_list(stream, b"last")
    memory.read_all()
    assert memory.shown.list_called(1, b"first") == first[0].order_id
    assert memory.shown.list_called(1, b"last") == last[0].order_id
    for order in first:
        stream.cancel(order, CancelReason.REQUESTED)
    for _ in range(12):
        for order in enter_list(stream, b"between"):
            stream.cancel(order, CancelReason.REQUESTED)
    memory.read_all()
    assert memory.shown.list_called(1, b"first") == 0
    kept = memory.shown.find(1, last[0].order_id, None)
    assert kept is not None
    assert (kept.list_name, memory.shown.list_called(1, b"last")) == (b"last", last[0].order_id)
    assert len(memory.desk.tracked.list_names) <= 4
    memory.desk.tracked.list_names.check()


def test_an_open_order_keeps_its_lists_name_when_the_first_is_forgotten() -> None:
    stream = Stream().define()
    memory = Memory(stream, 4)
    main, leg = enter_list(stream, b"mine")
    stream.cancel(main, CancelReason.REQUESTED)
    for _ in range(12):
        for order in enter_list(stream, b"between", account=2):
            stream.cancel(order, CancelReason.REQUESTED)
    memory.read_all()
    assert memory.shown.find(1, main.order_id, None) is None
    (kept,) = memory.shown.open_orders(1)
    assert (kept.order_id, kept.list_name) == (leg.order_id, b"mine")
    assert memory.shown.list_called(1, b"mine") == main.order_id


def test_the_desks_part_has_the_names() -> None:
    stream = Stream().define()
    memory, again = Memory(stream, 100), Memory(stream, 100)
    enter_list(stream, b"")
    named = enter_list(stream, b"mine")
    memory.read_all()
    parts.load(again.desk, parts.part_of(memory.desk))
    assert again.shown.list_called(1, b"mine") == named[0].order_id
    assert [view.list_name for view in again.shown.open_orders(1)] == [b"", b"", b"mine", b"mine"]


def test_a_list_that_memory_has_forgotten_is_found_by_its_name(database: str, tmp_path: Path) -> None:  # noqa: F811
    stream = Stream().define()
    lists = [enter_list(stream, name) for name in (b"mine", b"mine", b"order-1", b"")]
    for order in [order for entered in lists for order in entered]:
        stream.cancel(order, CancelReason.REQUESTED)
    for _ in range(12):
        for order in enter_list(stream, b"between", account=2):
            stream.cancel(order, CancelReason.REQUESTED)
    memory = Memory(stream, 4)
    load(database, stream, Spool(tmp_path))
    memory.read_all()
    assert memory.shown.forgotten_seq()
    _, newest, other, unnamed = (entered[0].order_id for entered in lists)

    async def question(archive: Archive) -> None:
        for name, expected in ((b"mine", newest), (b"order-1", other), (b"order-%d" % unnamed, unnamed)):
            view = await archive.first_of_list(1, 0, name)
            assert view is not None
            assert (view.order_id, view.list_name) == (expected, b"" if expected == unnamed else name)
        assert await archive.first_of_list(1, 0, b"between") is None
        assert await archive.first_of_list(2, 0, b"mine") is None
        view = await archive.first_of_list(1, newest, b"other")
        assert view is not None
        assert (view.order_id, view.list_name) == (newest, b"mine")

    joined(database, memory, question)
