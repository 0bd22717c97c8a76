"""`lockstep doctor`: whether this machine can run the venue well, and what to do if it can't.

It measures and reads the kernel's settings; it changes none of them.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct
from rich.text import Text

from lockstep.cli.running import attach
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    console,
    load,
    print_json,
    table,
)
from lockstep.config.schema import Config
from lockstep.core.files import space
from lockstep.core.venue import clock
from lockstep.core.venue.topology import Topology, derive
from lockstep.procs.monitor import reading
from lockstep.shm import board
from lockstep.shm.ring import Ring

SYNCS = 200  # how often the disk is asked to sync
SYNC_BYTES = 4096
SLOW_SYNC_US = 2_000
MIN_CORES = 2
MAX_OFFSET_S = 1.0  # between log time and the machine's clock
MIN_DISK_BYTES = 2 * 2**30
SPARE_FILES = 256  # journal, stores, logs, libraries of one process
PRECISE_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")

Level = Literal["ok", "warn", "fail"]
COLOURS: dict[Level, str] = {"ok": "green", "warn": "yellow", "fail": "red"}


class Check(Struct, frozen=True):
    """One finding: what was checked, its state, and what to do if that is not well."""

    name: str
    level: Level
    found: str
    advice: str = ""


def doctor(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Check cores, shared memory, limits, disk and clock, and say what to fix.

    Exit codes: 0 the venue can run (there may be warnings); 1 something must be fixed; 2 the configuration is wrong.
    """
    checks = examine(load(config))
    print_json(checks) if json else show(checks)
    return EXIT_PROBLEM if any(check.level == "fail" for check in checks) else EXIT_OK


def examine(config: Config) -> list[Check]:
    """Every check, for the venue that `config` describes."""
    topology = derive(config)
    data = Path(config.venue.data)
    return [
        _python(),
        _compiler(),
        _cores(topology),
        _shared_memory(topology),
        _swap(topology),
        _message_queues(topology),
        _open_files(config),
        _disk_space(config, topology),
        _disk_sync(data, config.venue.durability),
        _clock(),
        log_clock(data),
    ]


def memory_bytes(topology: Topology) -> int:
    """What the venue's segments take of /dev/shm."""
    return board.SIZE + sum(Ring.size_for(ring.capacity) for ring in topology.rings)


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})")


def _compiler() -> Check:
    name = os.environ.get("CC", "cc")
    found = shutil.which(name)
    if found is None:
        return Check("compiler", "warn", f"no {name}", "install gcc: without it a changed Lockstep can't be built")
    return Check("compiler", "ok", found)


def _cores(topology: Topology) -> Check:
    count = len(os.sched_getaffinity(0))
    found = f"{count} usable, for {len(topology.hosts)} processes"
    if count < MIN_CORES:
        return Check("cores", "warn", found, "give the venue at least two cores")
    if len(topology.hosts) > count and len(topology.hosts) == len(topology.agents):
        return Check("cores", "warn", found, 'set processes.profile = "compact", or give it more cores')
    return Check("cores", "ok", found)


def _shared_memory(topology: Topology) -> Check:
    need = memory_bytes(topology)
    memory = shutil.disk_usage("/dev/shm")
    found = f"{_size(memory.free)} of {_size(memory.total)} free in /dev/shm, {_size(need)} needed"
    if memory.free < need:
        advice = (
            "make /dev/shm larger (mount -o remount,size=1G /dev/shm; docker run --shm-size=1g), or [rings] smaller"
        )
        return Check("shared memory", "fail", found, advice)
    return Check("shared memory", "ok", found)


def _swap(topology: Topology) -> Check:
    need = memory_bytes(topology)
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    swap = any(line.strip() for line in Path("/proc/swaps").read_text().splitlines()[1:])
    found = f"swap {'on' if swap else 'off'}, memlock limit {_limit(locked)}"
    if swap and locked != resource.RLIM_INFINITY and locked < need:
        return Check("swap", "warn", found, "turn swap off (swapoff -a): a ring that is swapped out stalls the venue")
    return Check("swap", "ok", found)


def _message_queues(topology: Topology) -> Check:
    need = len(topology.pollable_bells)
    system = int(Path("/proc/sys/fs/mqueue/queues_max").read_text())
    bytes_limit = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[0]
    found = f"{need} needed, {system} allowed, limit {_limit(bytes_limit)}"
    if system < need:
        return Check("message queues", "fail", found, f"sysctl -w fs.mqueue.queues_max={need * 4}")
    if bytes_limit != resource.RLIM_INFINITY and bytes_limit < need * 1024:
        return Check("message queues", "fail", found, "raise the limit on message queues (ulimit -q 819200)")
    return Check("message queues", "ok", found)


def _open_files(config: Config) -> Check:
    need = max(config.fix.max_connections * 2, config.market_data.max_clients) + SPARE_FILES
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    found = f"limit {_limit(limit, '')}, {need} needed by the busiest process"
    if limit != resource.RLIM_INFINITY and limit < need:
        return Check("open files", "fail", found, f"raise the limit (ulimit -n {need}), or allow fewer connections")
    return Check("open files", "ok", found)


def _disk_space(config: Config, topology: Topology) -> Check:
    free = space.free_bytes(Path(config.venue.data))
    found = f"{_size(free)} free for {config.venue.data}"
    for problem in space.problems(config, topology.gateways):
        return Check("disk space", "fail", found, f"{problem.key} {problem.message}")
    if free < MIN_DISK_BYTES:
        return Check(
            "disk space", "fail", found, f"the venue needs at least {_size(MIN_DISK_BYTES)} for journal and database"
        )
    return Check("disk space", "ok", found)


def _disk_sync(data: Path, durability: str) -> Check:
    try:
        times_us = sorted(sync_times_us(_existing(data)))
    except OSError as error:
        if not space.is_full(error):
            raise
        return Check("disk sync", "fail", "not measured: the disk is full", f"free space for {data}")
    p50, p99 = statistics.median(times_us), times_us[len(times_us) * 99 // 100]
    found = f"fdatasync of {SYNC_BYTES} bytes: p50 {p50:,.0f} us, p99 {p99:,.0f} us"
    if p50 > SLOW_SYNC_US and durability == "local":
        advice = (
            'put venue.data on a faster disk; every order waits for a sync (or durability = "none", if you may lose it)'
        )
        return Check("disk sync", "warn", found, advice)
    return Check("disk sync", "ok", found)


def sync_times_us(folder: Path) -> list[float]:
    """How long each of SYNCS rewrites of a block, each synced, took in `folder`: as the journal does it."""
    block = os.urandom(SYNC_BYTES)
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(b"\0" * SYNC_BYTES * SYNCS)
        os.fsync(file.fileno())
        for number in range(SYNCS):
            before = time.perf_counter_ns()
            os.pwrite(file.fileno(), block, number * SYNC_BYTES)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter_ns() - before) / 1000)
    return times


def _clock() -> Check:
    file = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    source = file.read_text().strip() if file.exists() else "unknown"
    took_ns = _best_ns(time.monotonic_ns)
    found = f"{source}, a reading takes {took_ns:,.0f} ns"
    if source not in PRECISE_CLOCKS and took_ns > 500:
        return Check("clock", "warn", found, "choose the clock source tsc: each reading asks the kernel")
    return Check("clock", "ok", found)


def log_clock(data: Path) -> Check:
    """How far the log's time and this machine's clock are apart; for a stopped venue, whether a start may begin."""
    venue = attach(data)
    if venue is not None:
        peer_ns = clock.peer_offset_ns(venue) if venue.node.is_secondary else None
        if peer_ns is not None and abs(peer_ns) > clock.TOLERANCE_NS:
            way = "ahead of" if peer_ns > 0 else "behind"
            found = f"this node's clock is {clock.span(peer_ns)} {way} the primary's"
            return Check("log time", "warn", found, "set the clock of the one that is wrong: failover is refused")
        offset_s = reading.read(venue).clock_offset_s
        found = f"log time is {abs(offset_s):,.3f} s {'ahead of' if offset_s > 0 else 'behind'} this machine's clock"
        if abs(offset_s) < MAX_OFFSET_S:
            return Check("log time", "ok", found)
        return Check("log time", "warn", found, "set the clock (timedatectl); a stop and a start read it again")
    end_ns, now_ns = clock.journal_end_ns(data), time.time_ns()
    if said := clock.check(data, now_ns):
        return Check("log time", "fail", "a start would be refused", said)
    if end_ns is None:
        return Check("log time", "ok", "the journal has no record yet")
    if said := clock.long_rest(end_ns, now_ns):
        return Check("log time", "warn", said, "compare the clock (timedatectl) before the start")
    way = "before" if end_ns <= now_ns else "after"
    return Check("log time", "ok", f"the journal ends {clock.span(now_ns - end_ns)} {way} now, {clock.moment(end_ns)}")


def _best_ns(call: Callable[[], int], rounds: int = 5, calls: int = 1000) -> float:
    best = float("inf")
    for _ in range(rounds):
        before = time.perf_counter_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter_ns() - before) / calls)
    return best


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return folder if folder.is_dir() else _existing(folder.parent)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _limit(value: int, unit: str = " bytes") -> str:
    return "none" if value == resource.RLIM_INFINITY else f"{value:,}{unit}"


def show(checks: list[Check]) -> None:
    """Print them, with the advice below what needs it."""
    out = console()
    rows = table("", "", "what", "found")
    for check in checks:
        colour = COLOURS[check.level]
        rows.add_row(Text(check.level, style=colour), check.name, check.found)
        if check.advice:
            rows.add_row("", "", f"→ {check.advice}")
    out.print(rows)
