"""What the page reckons with prices and amounts is what Python's Decimal does, of random values."""

from __future__ import annotations

import json
import os
import random
import subprocess
from decimal import Decimal, localcontext

import pytest

from tests.web.test_units import NODE, WEB

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
ROUNDS = 20_000
MOST_SCALE = 18
MOST_TYPED = 40  # characters


def number(draw: random.Random, scale: int) -> Decimal:
    """One of any size, often round."""
    units = draw.randrange(10 ** draw.randint(1, 25))
    if draw.random() < 0.3:
        units -= units % 10 ** draw.randint(0, scale + 1)
    return Decimal(units if draw.random() < 0.7 else -units).scaleb(-scale)


def plain(value: Decimal, least: int) -> str:
    """Its decimals, as many as it has and at least so many."""
    has = max(-value.normalize().as_tuple().exponent, 0) if value else 0  # type: ignore[operator]
    return f"{value:.{max(has, least)}f}" if value else f"{Decimal(0):.{least}f}"


def read(text: str, scale: int, step: int) -> list[object]:
    """What a person typed, in units, or what is wrong with it."""
    units = Decimal(text).scaleb(scale)
    if len(text) > MOST_TYPED:
        return [None, "too-large"]
    if units != units.to_integral_value():
        return [None, "too-many-decimals"]
    return [str(int(units)), None] if int(units) % step == 0 else [None, "off-step"]


def cases(draw: random.Random) -> list[tuple[list[object], list[object]]]:
    """A question of each kind, and its answer."""
    scale = draw.randint(0, MOST_SCALE)
    value, other = number(draw, scale), number(draw, scale)
    least = draw.randint(0, scale)
    written = f"{value:.{scale}f}"
    shown = plain(value, least)
    typed = f"{abs(value):.{scale}f}"
    if draw.random() < 0.3:
        typed = typed.removeprefix("0") if typed.startswith("0.") else typed + "0" * ("." in typed)
    asked, step = draw.randint(0, MOST_SCALE), draw.choice((1, 5, 25, 1000))
    units = str(int(value.scaleb(scale)))
    return [
        (["parse", written, scale], [units, len(plain(value, 0).partition(".")[2])]),
        (
            ["format", units, scale, least],
            [shown, f"{Decimal(shown):,}" if "E" not in f"{Decimal(shown):,}" else shown],
        ),
        (["value", written, f"{other:.{scale}f}", scale], [plain(value * other, 0)]),
        (["read", typed, asked, str(step)], read(typed, asked, step)),
    ]


def test_equal_those_of_python() -> None:
    if not (WEB / "node_modules" / "@preact").exists():
        pytest.skip("what the page is made with is not here: make page")
    print(f"LOCKSTEP_FUZZ_SEED={SEED}")
    draw = random.Random(SEED)
    with localcontext(prec=200):
        asked = [case for _ in range(ROUNDS) for case in cases(draw)]
    lines = "\n".join(json.dumps(question) for question, _ in asked)
    done = subprocess.run([NODE, "test/reckon.ts"], cwd=WEB, input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked)
    for (question, expected), answer in zip(asked, answers, strict=True):
        assert answer == expected, question
