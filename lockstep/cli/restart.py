"""`lockstep restart`: has one process of a running venue end in order and start again, with the code as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lockstep.cli.errors import UsageError
from lockstep.cli.running import attach, not_running
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json
from lockstep.core.host.restart import RestartError, carry_out
from lockstep.shm.segment import RoleLock


def restart(
    host: Annotated[
        str, Parameter(help="The process, as lockstep status names it: gateway, publisher, batcher, core…")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    timeout_s: Annotated[float, Parameter(help="How long to wait until it works again, in seconds.")] = 60.0,
    json: Json = False,
) -> int:
    """Stop one process of a running venue cleanly, and wait until it has restarted and works.

    A gateway logs its sessions out; its clients reconnect. The core restarts router and matchers together, while
    clients stay connected. Everything else keeps running.

    Example: lockstep restart publisher

    Exit codes: 0 it works again; 1 it does not, or the venue does not run; 2 there is no such process, or the
    configuration is wrong.
    """
    loaded = load(config, secrets=False)
    data = Path(loaded.venue.data)
    venue = attach(data)
    if venue is None or RoleLock.holder(data / "venue.lock") is None:
        return fail(not_running(loaded), json=json)
    known = {each.name: each for each in venue.topology.hosts}
    if host not in known:
        raise UsageError(f"there is no process {host}; there are {', '.join(known)}")
    try:
        done = carry_out(data, known[host], timeout_s)
    except RestartError as error:
        return fail(str(error), json=json)
    if json:
        print_json(done)
    else:
        console().print(f"{host} works again after {done.took_s:.1f} s, as process {done.new_pid}")
    return EXIT_OK
