"""`lockstep switchover`: has the secondary lead as planned."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from lockstep.cli.nodes.failover import AcceptClock, told
from lockstep.cli.running import node_of
from lockstep.cli.terminal import DEFAULT_CONFIG, ConfigPath, Json, load
from lockstep.core.cluster.steps import Instruction
from lockstep.core.cluster.switchover import carry_out


def switchover(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    accept_clock: AcceptClock = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    json: Json = False,
) -> int:
    """Change roles as planned, and lose nothing: give this command on the secondary.

    The primary logs its clients out, finishes what it has taken, and waits until this node has all of it; then this
    node leads, and the other one goes on as its secondary. It is refused while this node is behind, and if it can't get
    everything in time the primary takes orders again.

    Example: lockstep switchover --dry-run

    Exit codes: 0 this node leads, or (with --dry-run) can; 1 it does not, and why; 2 the command line or the
    configuration is wrong.
    """
    data = node_of(load(config, secrets=False))
    given = Instruction(clock=accept_clock, dry_run=dry_run)
    return told(lambda say: carry_out(data, given, say), json=json)
