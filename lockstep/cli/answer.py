"""Answers one question of the api's, as its process of low priority: what only the commands of `lockstep` can find out.

    python -m lockstep.cli.answer --data FOLDER      the question, as JSON, on its standard input

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

from lockstep.cli.errors import UsageError
from lockstep.cli.running import attach
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.questions import (
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
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.core.schema.layout import pack
from lockstep.core.venue.parent_death import die_with
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher.database import UnavailableError
from lockstep.procs.gateway.control import ControlError

NICENESS = 10  # as who saves snapshots: at 19, a busy host gives it nothing for minutes


def main() -> None:
    """Answer, and end."""
    parser = argparse.ArgumentParser(prog="python -m lockstep.cli.answer", description=__doc__)
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
            from lockstep.cli.at.command import look_back  # each question needs other modules, and most need many

            return look_back(venue.config, venue.data, question)
        case HowItIs():
            from lockstep.cli import status

            return status.whole(venue, venue.config, sessions=question.sessions)
        case WhichTrade():
            from lockstep.cli.operate.recorded import trade_of

            matcher, trade = trade_of(venue, question)
            return Found(matcher, pack(trade))
        case LastCommands():
            from lockstep.cli.operate.commands import last_commands

            return last_commands(venue, question)
        case LastTrades():
            from lockstep.cli.operate.past_trades import last_trades

            return last_trades(venue.config, question)
        case EndConnection():
            from lockstep.cli.operate.sessions import end_connection

            done = end_connection(venue, question.session, question.operator, question.reason)
            return Ended(done.was_connected, done.says)


if __name__ == "__main__":
    main()
