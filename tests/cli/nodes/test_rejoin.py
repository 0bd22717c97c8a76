"""`lockstep rejoin`: what the other node lacks is listed and cut, whatever interrupts it, and nothing of it stays."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.nodes.rejoin import carry_out
from lockstep.cli.nodes.rejoin import rejoin as command
from lockstep.cli.terminal import stopped
from lockstep.core.cluster import divergence, lost_orders, truncation
from lockstep.core.cluster.divergence import Divergence, DivergenceError
from lockstep.core.cluster.peer_log import CopiedLog
from lockstep.core.files import atomic_file
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.end import chain_at
from lockstep.core.journal.journal import JournalReader, segment_seqs, verify
from lockstep.core.journal.retain import retain
from lockstep.core.venue import node
from lockstep.core.venue.node import Node
from tests.cli.nodes.parted import Parted, epoch, write
from tests.models import journal as model


@pytest.fixture
def parted(tmp_path: Path) -> Parted:
    return Parted(tmp_path)


def given(parted: Parted, capsys: pytest.CaptureFixture[str], **options: bool) -> tuple[int, str]:
    """Give the command; its exit code, and what it prints."""
    code = command(parted.file, copy=parted.b, **options)
    return code, capsys.readouterr().out


def records(data: Path) -> list[bytes]:
    return list(JournalReader(data / "journal"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, but the lock that a command holds."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "venue.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def unseen(_done: int, _total: int) -> None:
    """How far the replay is."""


# Where histories part


@pytest.mark.parametrize("common", [1, 2, 57, 58, 99, 100])
def test_the_last_record_that_both_have_is_found(tmp_path: Path, common: int) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    write(own, model.records(1, common), 5)
    shutil.copytree(own, other)
    write(own, [model.record(seq) for seq in range(common + 1, 101)], 5)
    write(other, [model.record(seq, epoch=2) for seq in range(common + 1, 103)], 5)
    assert divergence.find(own, CopiedLog(other, own)) == Divergence(common, 100, 1)


def test_a_node_that_is_merely_behind_loses_nothing(parted: Parted) -> None:
    found = divergence.find(parted.b / "journal", CopiedLog(parted.b, parted.b / "journal"))
    assert (found.common, found.cut, found.epoch) == (parted.common + 1, 0, 2)


def test_a_copy_that_ends_too_early_shows_nothing(parted: Parted, tmp_path: Path) -> None:
    shutil.copytree(parted.a, tmp_path / "c")
    journal_cut.cut(tmp_path / "c" / "journal", parted.common)
    with pytest.raises(DivergenceError, match="does not show whether the histories part there"):
        divergence.find(parted.a / "journal", CopiedLog(tmp_path / "c", parted.a / "journal"))


def test_another_venue_is_refused(parted: Parted, tmp_path: Path) -> None:
    write(tmp_path / "journal", parted.rig.log)
    with pytest.raises(DivergenceError, match="not journals of one venue"):
        CopiedLog(tmp_path, parted.a / "journal")


def test_what_parts_before_the_journal_begins_is_refused(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    write(own, model.records(1, 5))
    shutil.copytree(own, other)
    write(own, model.records(6, 1500), 50)
    write(other, [model.record(seq, epoch=2) for seq in range(6, 1500)], 50)
    retain(own, 1000)
    first = segment_seqs(own)[0]
    assert first > 6
    with pytest.raises(DivergenceError, match=f"begins with record {first:,}, and the histories part before that"):
        divergence.find(own, CopiedLog(other, own))


def test_a_damaged_journal_is_to_be_mended_first(parted: Parted) -> None:
    file = min((parted.a / "journal").glob("*.journal"))
    damaged = bytearray(file.read_bytes())
    damaged[4096 + 128 + 40] ^= 4  # in the first record
    file.write_bytes(damaged)
    with pytest.raises(DivergenceError, match=r"Mend it first: lockstep repair-journal --from"):
        divergence.find(parted.a / "journal", CopiedLog(parted.b, parted.a / "journal"))


# What is taken back


def test_the_list_names_each_order_its_client_and_what_was_told(parted: Parted) -> None:
    parted.report()
    found = lost_orders.examine(parted.config, parted.a, Divergence(parted.common, parted.last, 1), unseen)
    orders = {order.cl_ord_id: order for order in found.orders}
    assert list(orders) == ["older", "fills", "rests", "poor"]
    assert {name: order.account for name, order in orders.items()} == {
        "older": "T1", "fills": "T2", "rests": "T3", "poor": "T4",
    }  # fmt: skip
    older, fills, rests, poor = orders.values()
    assert [each.was_there for each in orders.values()] == [True, False, False, False]
    assert (older.order_id, fills.order_id, fills.session, fills.gateway) == (
        parted.older, parted.fills, "T2", "gateway.1",
    )  # fmt: skip
    assert fills.what.startswith("T2 buys 3 I1 at 100: LIMIT")
    assert older.came == [f"trade {parted.trade.number}: T2 buys from T1 3 at 100"]
    assert fills.came[-1] == older.came[0]
    assert any("cancels rests" in line for line in rests.came)
    assert any(line.startswith(f"order {parted.rests} ends") for line in rests.came)
    assert poor.what.endswith(": refused, INSUFFICIENT_BALANCE")
    assert [len(each.told) for each in orders.values()] == [1, 1, 0, 0]
    assert f"|37={parted.older}|11=older|150=F|" in older.told[0]
    assert [(each.account, each.cl_ord_id) for each in found.requests] == [("T4", "paid")]
    assert found.requests[0].what == "0.07 A1 is deposited for T4"
    assert found.told == 2


def test_nothing_is_listed_where_nothing_is_cut(parted: Parted) -> None:
    parted.report()
    found = lost_orders.examine(parted.config, parted.a, Divergence(parted.last, parted.last, 1), unseen)
    assert (found.orders, found.requests, found.told) == ([], [], 0)


# The cut


def rejoin(parted: Parted, *, dry_run: bool = False) -> str:
    other = CopiedLog(parted.b, parted.a / "journal")
    return carry_out(parted.config, parted.a, other, dry_run=dry_run, yes=True, show=False).outcome


def test_a_dry_run_changes_nothing(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    parted.report()
    before = contents(parted.a)
    code, said = given(parted, capsys, dry_run=True)
    assert code == 0, said
    assert f"T1, session T1: order {parted.older}, older: sell order of I1 at 100" in said
    assert "1 report of it may have left" in said
    assert f"it would follow behind record {parted.common:,}" in said
    assert contents(parted.a) == before


def test_it_asks_and_without_a_terminal_changes_nothing(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(parted.a)
    code, said = given(parted, capsys)
    assert (code, contents(parted.a)) == (1, before)
    assert "not confirmed" in said


def test_what_is_cut_is_kept_and_the_node_is_a_secondary(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    store = parted.report()
    kept = contents(parted.a / "journal")
    code, printed = given(parted, capsys, yes=True, json=True)
    said = json.loads(printed)
    # The database that the configuration names does not answer: that is left to do.
    assert (code, said["outcome"], len(said["done"]["to_do"])) == (1, "rejoined", 1)
    assert node.load(parted.a) == Node("secondary")
    assert records(parted.a) == parted.rig.log[: parted.common]
    assert verify(parted.a / "journal").corruption is None
    aside = Path(said["done"]["kept"])
    for name, content in contents(aside / "journal").items():
        assert kept[name] == content
    listed = json.loads((aside / "undone.json").read_bytes())
    assert listed == said["undoing"]
    messages = contents(store)
    assert not any(b"150=F" in content for content in messages.values())
    assert any(b"150=0" in content for content in messages.values())
    assert any(b"150=F" in content for content in contents(Path(said["done"]["set_aside"])).values())
    assert truncation.begun(parted.a) is None
    # From here it follows: what the other node has goes on behind its end.
    assert chain_at(parted.b / "journal", parted.common) == verify(parted.a / "journal").chain


def test_again_there_is_nothing_to_cut(parted: Parted) -> None:
    assert rejoin(parted) == "rejoined"
    before = contents(parted.a)
    assert rejoin(parted) == "rejoined"
    assert contents(parted.a) == before


def test_a_cut_within_a_group_goes_before_it(tmp_path: Path, parted: Parted) -> None:
    """What both have may end with an extension whose main record only one of them had."""
    rig = parted.rig
    at = next(place for place, record in enumerate(rig.log) if record[4] >= 64)
    own, other = tmp_path / "own", tmp_path / "other"
    write(own / "journal", rig.log[: at + 1])
    shutil.copytree(own, other)
    write(own / "journal", rig.log[at + 1 :])
    write(other / "journal", [epoch(at + 2, 2)])
    parted.a, parted.b = own, other
    assert rejoin(parted) == "rejoined"
    assert records(own) == rig.log[:at]
    assert rejoin(parted) == "rejoined"


def test_a_venue_that_runs_is_left_alone(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    with stopped(parted.a), pytest.raises(UsageError, match="the venue runs: stop it first"):
        given(parted, capsys, yes=True)


def test_a_venue_of_one_node_has_nobody_to_follow(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    parted.file.write_text(parted.file.read_text().replace('\nnode = "a"', '\n# node = "a"'))
    with pytest.raises(UsageError, match="this venue has one node"):
        given(parted, capsys, yes=True)


def test_a_node_that_has_never_run_is_to_be_paired(parted: Parted, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(parted.a)
    with pytest.raises(UsageError, match="lockstep pair makes a node that has never run a secondary"):
        given(parted, capsys, yes=True)


def test_whatever_kills_it_another_run_does_the_rest(parted: Parted, tmp_path: Path) -> None:
    parted.report()
    whole, at, died = tmp_path / "whole", 0, True
    shutil.copytree(parted.a, whole)
    while died:
        at += 1
        shutil.rmtree(parted.a)
        shutil.copytree(whole, parted.a)
        child = os.fork()
        if not child:
            _rejoin_until(parted, at)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        if died and node.load(parted.a) == Node():
            assert records(parted.a) == parted.rig.log  # what may lead has lost nothing
        assert rejoin(parted) == "rejoined"
        assert records(parted.a) == parted.rig.log[: parted.common]
        assert node.load(parted.a) == Node("secondary")
        lists = [json.loads(path.read_bytes()) for path in (parted.a / "set-aside").rglob("undone.json")]
        assert [order["cl_ord_id"] for order in lists[0]["orders"]] == ["older", "fills", "rests", "poor"]
        assert sum(bool(order["told"]) for order in lists[0]["orders"]) == 2
        assert not any(b"150=F" in content for content in contents(parted.a / "gateway.1").values())
    assert at > 12


def _rejoin_until(parted: Parted, at: int) -> None:
    """Rejoin, and end with 9 before the so-manieth step that changes the disk."""
    left = at

    def counted(done: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: object) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os._exit(9)
            return done(*arguments)

        return count

    atomic_file.sync = counted(atomic_file.sync)
    for name in ("file_name", "put", "mark"):  # before each segment goes, is rewritten, and the end is marked
        setattr(journal_cut, name, counted(getattr(journal_cut, name)))
    try:
        rejoin(parted)
    finally:
        os._exit(0 if left > 0 else 1)
