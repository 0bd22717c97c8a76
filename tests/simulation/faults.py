"""The faults of the simulation: each strikes a world once, by chance of its own, and says whether it could.

How often each is drawn is in plan.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from lockstep.core.venue.topology import role_of
from tests.simulation.disk import GIB
from tests.simulation.lifecycle import Life
from tests.simulation.plan import PAGE

HOUR_NS = 3_600 * 10**9
HEADER, RECORD = 128, 120  # bytes of a batch that each has; between them is the slot's number, which is of no account
SLOT_NUMBER = 8


def kill(role: str) -> Callable[[Life, Random], bool]:
    def strike(world: Life, draw: Random) -> bool:
        host = world.host_of(draw.choice([agent for agent in world.topology.agents if role_of(agent) == role]))
        if not host.alive:
            return False
        world.die(host)
        return True

    return strike


def kill_supervisor(world: Life, _draw: Random) -> bool:
    world.end_all()
    return True


def power_loss(world: Life, _draw: Random) -> bool:
    world.lose_power("at once")
    return True


def another_host(world: Life, _draw: Random) -> bool:
    """The power goes, and the host that goes on has the journal and no message of the gateway's."""
    world.lose_power("for another host")
    for gateway in world.topology.gateways:
        world.files.remove(gateway)
    for trader in world.traders:
        trader.is_untold = trader.is_untold or world.seen["snapshot"] > 0
    return True


def power_loss_inside(world: Life, draw: Random) -> bool:
    world.disk.power_off_at = world.disk.operations + draw.randint(1, 60)
    return True


def stall(world: Life, draw: Random) -> bool:
    host = draw.choice(world.hosts)
    host.stalled_until = world.turn + draw.choice((20, 100, 400))
    return host.alive


def downstream_edge_stalls(world: Life, draw: Random) -> bool:
    """A publisher or batcher that hangs, for longer than trading waits for it where turns take long enough."""
    host = world.host_of(draw.choice(("publisher", "batcher")))
    host.stalled_until = world.turn + draw.choice((400, 3000))
    return host.alive


def disk_error(kind: str) -> Callable[[Life, Random], bool]:
    def strike(world: Life, draw: Random) -> bool:
        disk = world.disk
        if kind == "sync":
            disk.fail_sync_at = disk.syncs + draw.randint(1, 20)
            world.error_ends_all = draw.random() < 0.5
        elif kind == "write":
            disk.fail_write_at = disk.writes + draw.randint(1, 20)
        else:
            disk.short_write_at = disk.writes + draw.randint(1, 20)
        return True

    return strike


def disk_full(world: Life, draw: Random) -> bool:
    """For a while there is no more room than some pages."""
    disk = world.disk
    disk.others_bytes = 0 if disk.others_bytes else max(0, GIB - disk.used_bytes() - draw.randint(0, 20) * PAGE)
    return True


def file_error(kind: str) -> Callable[[Life, Random], bool]:
    """A sync or a write of the files beside the journal goes wrong, soon."""

    def strike(world: Life, draw: Random) -> bool:
        files = world.files
        if kind == "sync":
            files.fail_sync_at = files.syncs + draw.randint(1, 8)
        elif kind == "power":
            files.power_off_at = files.syncs + draw.randint(1, 8)
        elif kind == "write":
            files.fail_write_at = files.writes + draw.randint(1, 4)
        else:
            files.short_write_at = files.writes + draw.randint(1, 4)
        return True

    return strike


def append_error(kind: str) -> Callable[[Life, Random], bool]:
    """An append to an open segment, of the message store or the spool, goes wrong, soon."""

    def strike(world: Life, draw: Random) -> bool:
        files = world.files
        at = files.appends + draw.randint(1, 20)
        if kind == "power":
            files.power_off_in = at
        elif kind == "error":
            files.fail_append_at = at
        else:
            files.short_append_at = at
        return True

    return strike


def files_full(world: Life, _draw: Random) -> bool:
    """Nothing more fits beside the journal, but what is owned; the next such fault makes room."""
    world.files.full = not world.files.full
    return True


def connection_cut(world: Life, draw: Random) -> bool:
    trader = draw.choice(world.traders)
    if trader.wire is None:
        return False
    trader.wire.cut()
    return True


def client_stalls(world: Life, draw: Random) -> bool:
    """A client that reads nothing; the next such fault of its wakes it."""
    trader = draw.choice(world.traders)
    if trader.wire is None:
        return False
    trader.wire.stalled = not trader.wire.stalled
    return True


def garbled_message(world: Life, draw: Random) -> bool:
    trader = draw.choice(world.traders)
    if trader.wire is None or not trader.logged_on:
        return False
    trader.garble(draw.randrange(3))
    return True


def same_client_id(world: Life, draw: Random) -> bool:
    index = draw.randrange(len(world.traders))
    world.requests[index].same_id()
    return world.traders[index].logged_on


def order_behind_logout(world: Life, draw: Random) -> bool:
    index = draw.randrange(len(world.traders))
    world.requests[index].leave()
    return bool(world.traders[index].behind_logout)


def database_away(world: Life, _draw: Random) -> bool:
    world.database.away = not world.database.away
    if world.database.away:
        world.database.drop()
    return True


def commit_lost(world: Life, draw: Random) -> bool:
    world.database.lose_commits += draw.randint(1, 2)
    return True


def snapshot(world: Life, _draw: Random) -> bool:
    """Not a fault: an operator asks for a snapshot."""
    world.snapshot_wanted = True
    return True


def damaged_part(world: Life, draw: Random) -> bool:
    """A bit of the newest snapshot is flipped. Not where the journal has nothing of before it."""
    parts = sorted(world.data.glob("snapshots/*/*.part"))
    if not parts or world.plan.retention != "all":
        return False
    path = draw.choice([part for part in parts if part.parent == parts[-1].parent])
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)
    return True


def clock_step(world: Life, draw: Random) -> bool:
    """The wall clock is set; the monotonic one goes on. Processes that start later see it."""
    world.wall_shift_ns = draw.choice((-HOUR_NS, HOUR_NS, 0))
    return True


def damage_last_batch(world: Life, draw: Random) -> None:
    """Flip a bit of the last batch that the journal has, in its header or its first record; no fault of a plan."""
    for name in sorted((name for name in world.disk.names() if name.endswith(".journal")), reverse=True):
        file = world.disk.entries[name]
        magic = file.cached[PAGE : PAGE + 8]
        begins = [at for at in range(PAGE, len(file.cached), PAGE) if any(magic) and file.cached[at : at + 8] == magic]
        if begins:
            place = draw.randrange(HEADER + RECORD)
            at = begins[-1] + place + SLOT_NUMBER * (place >= HEADER)
            file.write(bytes([file.cached[at] ^ 1 << draw.randrange(8)]), at)
            file.sync()
            return


FAULTS: dict[str, Callable[[Life, Random], bool]] = {
    "kill gateway": kill("gateway"),
    "kill api": kill("api"),
    "kill publisher": kill("publisher"),
    "kill batcher": kill("batcher"),
    "kill router": kill("router"),
    "kill matcher": kill("matcher"),
    "kill journaler": kill("journaler"),
    "kill supervisor": kill_supervisor,
    "power loss": power_loss,
    "power loss inside the disk": power_loss_inside,
    "power loss, and another host": another_host,
    "stall": stall,
    "downstream edge stalls": downstream_edge_stalls,
    "sync error": disk_error("sync"),
    "write error": disk_error("write"),
    "short write": disk_error("short"),
    "disk full": disk_full,
    "connection cut": connection_cut,
    "client stalls": client_stalls,
    "garbled message": garbled_message,
    "same client id": same_client_id,
    "order behind a Logout": order_behind_logout,
    "database away": database_away,
    "commit lost": commit_lost,
    "clock step": clock_step,
    "snapshot": snapshot,
    "damaged part": damaged_part,
    "file sync error": file_error("sync"),
    "file write error": file_error("write"),
    "file short write": file_error("short"),
    "files full": files_full,
    "power loss inside a file": file_error("power"),
    "append error": append_error("error"),
    "short append": append_error("short"),
    "power loss inside an append": append_error("power"),
}
