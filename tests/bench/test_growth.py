"""The load of the row `growth` keeps the book as full as it was, and its charts are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import drive, growth, plot
from bench.encode import Encoder
from bench.growth_load import Steady
from bench.matcher_w1 import Rig


@pytest.mark.parametrize("is_near", [False, True])
def test_the_steady_mix_leaves_as_many_orders_as_there_were(is_near: bool) -> None:
    load = Steady(2_000, 10, 5, 20_000, is_near)
    rig, encoder = Rig(10), Encoder(load, 11)
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.filled)
    assert rig.matcher.book.resting == 2_000
    drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.count)
    assert abs(rig.matcher.book.resting - 2_000) < 500
    rig.matcher.book.check()


def test_the_row_has_each_size_and_writes_its_charts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(growth, "ROUNDS", 1)
    monkeypatch.setattr(growth, "CHARTS", tmp_path)
    rows = growth.run(1_000, 2_000)
    assert [row["unit"] for row in rows].count("bytes") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmark-growth-instruments.svg", "benchmark-growth-memory.svg", "benchmark-growth-orders.svg",
    ]  # fmt: skip


def test_a_chart_places_points_between_its_axes(tmp_path: Path) -> None:
    plot.lines(tmp_path / "chart.svg", "title & more", "x", "y", {"one": [(1, 0.0), (1000, 90.0)]}, 0)
    text = (tmp_path / "chart.svg").read_text()
    assert "title &amp; more" in text
    bottom, top = plot.HEIGHT - plot.BOTTOM, plot.TOP
    high = bottom - (bottom - top) * 0.9
    assert f'points="{plot.LEFT:.1f},{bottom:.1f} {plot.WIDTH - plot.RIGHT:.1f},{high:.1f}"' in text
