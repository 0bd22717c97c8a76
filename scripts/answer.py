"""Answers one question of the api's, as its process of low priority: what only the commands of `lockstep` can find out.

    python -m scripts.answer --data FOLDER      the question, as JSON, on its standard input

Its answer is on its standard output, as JSON behind a byte that says whether it is one. Nothing of a request is in its
arguments, where others could read it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from procs.batcher.database import UnavailableError
from procs.gateway.control import ControlError
from procs.operating.errors import NotPossibleError
from procs.operating.questions import (
    NONE,
    ONE,
    EndConnection,
    Ended,
    Found,
    HowItIs,
    LastCommands,
    LastTrades,
    LookBack,
    No,
    Question,
    WhichTrade,
)
from procs.recovery.replay import CoreReplayError
from procs.venue.parent_death import die_with
from procs.venue.venue import Venue
from scripts.errors import UsageError
from scripts.running import attach
from shm.journal import JournalError
from shm.layout import pack

NICENESS = 10  # as who saves snapshots: at 19, a busy host gives it nothing for minutes


def main() -> None:
    """Answer, and end."""
    parser = argparse.ArgumentParser(prog="python -m scripts.answer", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--parent", type=int, required=True, help="the process id of whoever asks")
    arguments = parser.parse_args()
    if not die_with(arguments.parent):
        sys.exit("whoever asks has ended")
    os.nice(NICENESS)
    question: Question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    said = answer(arguments.data, question)
    sys.stdout.buffer.write((NONE if isinstance(said, No) else ONE) + msgspec.json.encode(said))


def answer(data: Path, question: Question) -> Any:
    """What there is to say."""
    venue = attach(data)
    if venue is None:
        return No("The venue is stopping.", is_asker=False)
    try:
        return _answer(venue, question)
    except (UsageError, NotPossibleError) as error:
        return No(str(error), is_asker=True)
    except (JournalError, CoreReplayError, ControlError, UnavailableError, psycopg.Error, OSError) as error:
        return No(str(error), is_asker=False)


def _answer(venue: Venue, question: Question) -> Any:
    match question:
        case LookBack():
            from scripts.at.command import look_back  # each question needs other modules, and most need many

            return look_back(venue.config, venue.data, question)
        case HowItIs():
            from scripts import status

            return status.whole(venue, venue.config, sessions=question.sessions)
        case WhichTrade():
            from scripts.operate.recorded import trade_of

            matcher, trade = trade_of(venue, question)
            return Found(matcher, pack(trade))
        case LastCommands():
            from scripts.operate.commands import last_commands

            return last_commands(venue, question)
        case LastTrades():
            from scripts.operate.past_trades import last_trades

            return last_trades(venue.config, question)
        case EndConnection():
            from scripts.operate.sessions import end_connection

            done = end_connection(venue, question.session, question.operator, question.reason)
            return Ended(done.was_connected, done.says)


if __name__ == "__main__":
    main()
