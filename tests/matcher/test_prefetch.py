"""Looking at commands before their turn changes nothing: as many at once as there are, or one after the other."""

from __future__ import annotations

import random

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Command
from lockstep.procs.matcher.matcher import Matcher
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring
from tests.matcher.pair import buy, cancel, instrument, replace, sell, stamped

RESTING = 12_000  # more than a matcher takes for near
COMMANDS = 30_000
SLOTS = 65_536
SEED = 20


def some_commands() -> list[Command]:
    """A large book, then a mix that enters, moves and cancels anywhere in it; some of it is gone or never was."""
    draw = random.Random(SEED)
    commands: list[Command] = [instrument()]
    entered = [len(commands) + 1 + place for place in range(RESTING)]
    for _ in entered:
        away = draw.randint(1, 600)
        commands.append(buy(1000 - away, 5) if draw.random() < 0.5 else sell(1000 + away, 5))
    while len(commands) < RESTING + COMMANDS:
        drawn, price = draw.random(), draw.randint(500, 1500)
        target = draw.choice(entered) + (SLOTS if draw.random() < 0.02 else 0)
        if drawn < 0.3:
            entered.append(len(commands) + 1)
            commands.append(buy(min(price, 1000), 3) if draw.random() < 0.5 else sell(max(price, 1001), 3))
        elif drawn < 0.65:
            commands.append(replace(target, price, draw.randint(1, 9)))
        else:
            commands.append(cancel(target))
    return commands


def events_of(commands: list[Command], at_once: int) -> tuple[list[bytes], int]:
    """What a matcher makes of them, shown so many at a time, and how many orders rest in the end."""
    log, events = Ring.private(SLOTS, ["matcher.1"]), Ring.private(SLOTS, ["test"])
    producer, reader = log.producer(), events.consumer("test")
    matcher = Matcher(1, log.consumer("matcher.1"), events.producer(), Board.private())
    found: list[bytes] = []
    for place, command in enumerate(commands, 1):
        producer.put(pack(stamped(command, place)))
        if place % at_once == 0 or place == len(commands):
            while matcher.step(0):
                found += reader.take()
    matcher.book.check()
    return found, matcher.book.resting


def test_events_are_the_same_however_much_is_seen_ahead() -> None:
    commands = some_commands()
    events, resting = events_of(commands, at_once=1)
    assert resting > RESTING // 2
    assert len(events) > len(commands)
    for at_once in (7, 5000, len(commands)):
        assert events_of(commands, at_once) == (events, resting), f"{at_once} at once, seed {SEED}"
