"""The kernel tells who a process is and where it listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import ip_address

from lockstep.core.host.procfs import core_of, identify, listening


def test_a_process_is_itself_and_nobody_else() -> None:
    me = identify(os.getpid())
    assert me == identify(os.getpid())
    assert me != identify(os.getppid())


def test_a_zombie_is_nobody() -> None:
    process = subprocess.Popen((sys.executable, "-c", ""))
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert identify(process.pid) is None
    process.wait()
    assert core_of(process.pid) is None


def test_listeners_are_found_and_mere_connections_are_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            found = listening(os.getpid())
            assert (ip_address("127.0.0.1"), port) in found
            assert client.getsockname()[1] not in [number for _, number in found]
    assert port not in [number for _, number in listening(os.getpid())]


def test_the_core_is_one_that_may_be_used() -> None:
    assert core_of(os.getpid()) in os.sched_getaffinity(0)
