"""`lockstep disconnect`: an operator ends a FIX session's connection, at the gateway that has it.

It makes no record: the log holds what decides trading. The gateway's own log says who did it, and why.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from lockstep.cli.errors import UsageError
from lockstep.cli.operate.command import Context, Report, act
from lockstep.cli.sessions import socket_of
from lockstep.cli.terminal import DEFAULT_CONFIG, ConfigPath, Json
from lockstep.config.nearest import nearest
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway import control
from lockstep.procs.gateway.control import ControlError, Disconnect, Disconnected

MAX_REASON = 100  # characters: the client gets it in a field of FIX


def disconnect(
    session: Annotated[str, Parameter(help="Whose: a session has its account's name.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    reason: Annotated[str, Parameter(help="Why: goes to the client and into the gateway's log.")],
    operator: Annotated[
        str, Parameter(help="Your account's name; the password is taken as with every operator's command.")
    ],
    json: Json = False,
) -> int:
    """Log a FIX session out and close its connection within seconds, whether or not its client answers.

    Its orders stay open (see cancel), and it may log on again (see kill, which blocks its new orders).

    Example: lockstep disconnect TRADER3 --reason "sends the same order again and again" --operator OPERATOR1

    Exit codes: 0 done; 1 it was not connected, or refused; 2 the command line is wrong; 3 the outcome is unknown.
    """
    if not (0 < len(reason) <= MAX_REASON and reason.isascii() and reason.isprintable()):
        raise UsageError(f"--reason has 1 to {MAX_REASON} printable ASCII characters")

    def end(context: Context) -> Report:
        if session not in context.directory.accounts:
            raise UsageError(f"there is no session {session}; {nearest(session, context.directory.accounts)}")
        try:
            done = end_connection(context.venue, session, operator, reason)
        except ControlError as error:
            return Report("unknown", f"{error}; lockstep status --sessions tells whether {session} is connected")
        return Report("done", done.says, "OK") if done.was_connected else Report("refused", done.says)

    return act(config, operator, end, json)


def end_connection(venue: Venue, session: str, operator: str, reason: str) -> Disconnected:
    """Have a session's gateway log it out. ControlError."""
    return control.disconnect(socket_of(venue, session), Disconnect(session, operator, reason))
