"""A gateway that begins with its part of a snapshot goes on as one that saw everything: same bytes, same tables."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.gateway.store_reader import StoreCorrupt
from tests.gateway.player import NAME, Player, Recording

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
REQUESTS = 1500


def restarted(player: Player, data: Path) -> Player:
    """A gateway that begins with what `player` has saved here, and with its store as it is here."""
    start = player.save()
    shutil.copytree(player.data, data)
    kept = player.kept
    kept.start = start
    return Player(player.recording, data, kept)


def test_after_loading_all_is_said_and_held_as_if_it_had_never_ended(tmp_path: Path) -> None:
    recording = Recording(SEED, REQUESTS)
    draw = random.Random(SEED)
    marks = sorted(draw.sample(range(1, recording.end), 4))
    whole = Player(recording, tmp_path / "whole", Kept())
    whole.play(recording.end)
    player = Player(recording, tmp_path / "0", Kept())
    for number, mark in enumerate(marks, 1):
        player.play(mark)
        player = restarted(player, tmp_path / str(number))
        player.engine.orders.check()
        player.engine.store.check()
    player.play(recording.end)
    player.engine.orders.check()
    assert player.said() == whole.said(), f"seed {SEED}"
    assert player.part() == whole.part(), f"seed {SEED}"
    assert len(whole.said()) > REQUESTS


def test_what_the_store_has_beyond_the_part_is_not_said_again(tmp_path: Path) -> None:
    """As after the death of the whole venue: the part is older than the store."""
    recording = Recording(SEED, REQUESTS // 3)
    player = Player(recording, tmp_path / "first", Kept())
    player.play(recording.end // 2)
    kept = player.kept
    kept.start = player.save()
    player.play(recording.end - 10)
    shutil.copytree(player.data, tmp_path / "second")
    successor = Player(recording, tmp_path / "second", kept)
    assert successor.cause == recording.end // 2
    successor.play(recording.end)
    player.play(recording.end)
    assert successor.said() == player.said(), f"seed {SEED}"
    assert successor.part() == player.part(), f"seed {SEED}"


@pytest.mark.parametrize("loss", ["all", "tail", "other"])
def test_a_store_that_lacks_what_the_part_knows_is_refused(tmp_path: Path, loss: str) -> None:
    recording = Recording(7, 100)
    player = Player(recording, tmp_path / "first", Kept())
    player.play(recording.end)
    player.kept.start = player.save()
    segment = max((player.data / NAME).glob("*.fix"))
    if loss == "all":
        segment.unlink()
    elif loss == "tail":
        os.truncate(segment, segment.stat().st_size - 8)
    else:
        content = bytearray(segment.read_bytes())
        content[-20] ^= 1
        segment.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="put its files back"):
        Player(recording, tmp_path / "first", player.kept)


def test_a_part_of_something_else_is_refused(tmp_path: Path) -> None:
    recording = Recording(7, 20)
    kept = Kept()
    kept.save(0, NAME, lambda saver: saver.write(b"of another stage"))
    with pytest.raises(DamagedPart):
        Player(recording, tmp_path, kept)
