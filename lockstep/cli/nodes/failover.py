"""`lockstep failover`: has this node serve without the other one: the secondary leads, a primary stops waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from cyclopts import Parameter

from lockstep.cli.running import node_of
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, fail, load, print_json, say
from lockstep.core.cluster.failover import carry_out
from lockstep.core.cluster.steps import FailedOver, Instruction, Refused, Say
from lockstep.core.venue.node import RoleError

AcceptClock = Annotated[
    bool, Parameter(negative=(), help="Lead although this node's clock differs from the other's or the log's end.")
]


def failover(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    peer_is_off: Annotated[
        str,
        Parameter(
            help="If the other node can't be told: who says that it is off, and how that was made sure. It is recorded."
        ),
    ] = "",
    accept_loss_of: Annotated[
        str,
        Parameter(
            help="The other node: what it may have acknowledged, and this one lacks, is given up. It is recorded."
        ),
    ] = "",
    accept_clock: AcceptClock = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    json: Json = False,
) -> int:
    """Have this node serve without the other one. The secondary leads: it takes orders within about a second, and
    clients find it by themselves. A primary whose commits wait for a secondary that is off continues without it.

    The other node is told over the link that it releases nothing more. If it can't be, it must be off, or cut off from
    every client: --peer-is-off says who is certain of that, and how. If both led, orders would be acknowledged twice
    over, and only one of the two histories can stay. Each step is printed with its time; if the command is interrupted,
    run it again. A node that was off while the other one may have led, or that had not caught up with it, asks for a
    second word: --accept-loss-of. Where the other node still works, `lockstep switchover` loses nothing in any mode.

    A secondary whose state differs from the primary's is refused, and so is one whose clock differs by more than 10 s
    from the primary's, or is before its log's end (--accept-clock). A primary that continues keeps its clients
    connected; the log records it, and commits wait for the other node again once that has caught up.

    Example: lockstep failover --peer-is-off "Ada pulled the plug of host a, 12:03"

    Exit codes: 0 this node leads, or (with --dry-run) can; 1 it does not, and why; 2 the command line or the
    configuration is wrong.
    """
    loaded = load(config, secrets=False)
    data = node_of(loaded)
    given = Instruction(peer_is_off.strip(), accept_loss_of, accept_clock, dry_run)
    return told(lambda say: carry_out(loaded, data, given, say), json=json)


def told(lead: Callable[[Say], FailedOver], *, json: bool) -> int:
    """Have this node lead by `lead`, and tell each step and what came of it. Returns the exit code."""
    try:
        done = lead((lambda _: None) if json else say)
    except Refused as error:
        return fail(f"{error.result}: {error}", json=json)
    except RoleError as error:
        return fail(f"{Refused.result}: {error}", json=json)
    print_json(done) if json else say(done.says)
    return EXIT_OK
