"""Writes small line charts as SVG: logarithmic axes, one line a series, a legend.

It knows nothing of what it draws, and needs no library: a chart is a few lines of text that `git diff` can show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 74, 20, 46, 76
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)
SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)

Points = Sequence[tuple[float, float]]


def lines(path: Path, title: str, x_label: str, y_label: str, series: Mapping[str, Points], y_from: float) -> None:
    """Draw series of (x, y) points over a logarithmic x axis and a linear y axis that begins at `y_from`."""
    xs = sorted({x for points in series.values() for x, _ in points})
    top = _round_up(max(y for points in series.values() for _, y in points))
    chart = _Chart(title, x_label, y_label)
    chart.scale_x(xs[0], xs[-1], {x: f"{x:,.0f}" for x in xs})
    chart.scale_y(y_from, top, {y_from + (top - y_from) * i / 5: "" for i in range(6)}, is_log=False)
    chart.draw(series)
    path.write_text(chart.text())


def percentiles(path: Path, title: str, samples: Mapping[str, Sequence[int]]) -> None:
    """Draw ascending samples in nanoseconds: the percentile, in nines, against microseconds, both logarithmic."""
    series = {
        name: [(1 / (1 - share), ordered[int(len(ordered) * share)] / 1000) for share in SHARES]
        for name, ordered in samples.items()
    }
    values = [y for points in series.values() for _, y in points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    chart = _Chart(title, "percentile", "µs")
    chart.scale_x(2, 1 / (1 - SHARES[-1]), {1 / (1 - share): f"p{100 * share:.6g}" for share in SHARES})
    chart.scale_y(10.0**low, 10.0**high, {10.0**power: "" for power in range(low, high + 1)}, is_log=True)
    chart.draw(series)
    path.write_text(chart.text())


def _round_up(value: float) -> float:
    step = 10.0 ** math.floor(math.log10(value))
    return next(step * factor for factor in STEPS if step * factor >= value)


class _Chart:
    def __init__(self, title: str, x_label: str, y_label: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            _text(WIDTH / 2, 22, title, "middle", 15),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, x_label, "middle"),
            _text(LEFT, TOP - 8, y_label, "middle"),
        ]

    def scale_x(self, low: float, high: float, ticks: Mapping[float, str]) -> None:
        self._x = (math.log10(low), math.log10(high))
        for value, label in ticks.items():
            at = self._across(value)
            self.parts.append(_line(at, TOP, at, HEIGHT - BOTTOM))
            self.parts.append(_text(at, HEIGHT - BOTTOM + 18, label, "middle"))

    def scale_y(self, low: float, high: float, ticks: Mapping[float, str], *, is_log: bool) -> None:
        self._is_log = is_log
        self._y = (math.log10(low), math.log10(high)) if is_log else (low, high)
        for value, label in ticks.items():
            at = self._up(value)
            self.parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
            self.parts.append(_text(LEFT - 8, at + 4, label or f"{value:,.6g}", "end"))

    def draw(self, series: Mapping[str, Points]) -> None:
        left = float(LEFT)
        for (name, points), colour in zip(series.items(), COLOURS, strict=False):
            path = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in points)
            self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            dots = (
                f'<circle cx="{self._across(x):.1f}" cy="{self._up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points
            )
            self.parts.extend(dots)
            self.parts.append(f'<rect x="{left:.0f}" y="{HEIGHT - 24}" width="12" height="12" fill="{colour}"/>')
            self.parts.append(_text(left + 18, HEIGHT - 14, name, "start"))
            left += 40 + 6.6 * len(name)

    def text(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])

    def _across(self, value: float) -> float:
        low, high = self._x
        return LEFT + (WIDTH - RIGHT - LEFT) * (math.log10(value) - low) / ((high - low) or 1)

    def _up(self, value: float) -> float:
        low, high = self._y
        place = math.log10(value) if self._is_log else value
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (place - low) / ((high - low) or 1)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
