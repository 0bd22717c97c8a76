"""`lockstep sessions`, which `lockstep status --sessions` repeats: every FIX session, as its gateway says it is now.

It only asks; a gateway answers from memory, page by page, between its clients' turns.
"""

from __future__ import annotations

from pathlib import Path

from lockstep.cli.running import attach, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.core.edge.own_socket import name_of
from lockstep.core.operations.status import SessionStatus
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway import control
from lockstep.procs.gateway.control import ControlError


def sessions(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show every FIX session: who is connected from where and since when, the next numbers, what waits to be read, and
    the last end and the last refused logon of each.

    Exit codes: 0 they are shown; 1 the venue does not run, or a gateway does not answer; 2 the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(not_running(loaded), json=json)
    found = sessions_of(venue)
    if found is None:
        return fail("a gateway, which knows its own sessions, does not answer now", json=json)
    print_json(found) if json else show(found)
    return EXIT_OK


def socket_of(venue: Venue, session: str) -> str:
    """The name of the control socket of a session's gateway."""
    return name_of(venue.boot_id, f"gateway.{venue.home_of(session)}")


def sessions_of(venue: Venue) -> list[SessionStatus] | None:
    """The sessions of all gateways, by name; None if one does not answer."""
    found: list[SessionStatus] = []
    for gateway in venue.topology.gateways:
        try:
            found += control.sessions(name_of(venue.boot_id, gateway))
        except ControlError:
            return None
    return sorted(found, key=lambda each: each.session)


def show(sessions: list[SessionStatus] | None) -> None:
    """Print them: those that are connected first."""
    out = console()
    if sessions is None:
        out.print("\nsessions: a gateway, which knows its own, does not answer now")
        return
    columns = (
        "session", "gateway", "address", "since", "version", "next in>", "next out>", "unsent>", "last end",
        "last refusal",
    )  # fmt: skip
    rows = table("\nsessions", *columns)
    for each in sorted(sessions, key=lambda each: not each.is_connected):
        numbers = (f"{number:,}" for number in (each.next_in, each.next_out, each.unsent_bytes))
        where = each.gateway, each.address or "not connected"
        rows.add_row(each.session, *where, each.since, each.version, *numbers, each.ended, each.refused)
    out.print(rows)
