"""Tells systemd how the venue is (sd_notify(3)): ready, alive, stopping.

Outside systemd it does nothing; it never blocks.
"""

from __future__ import annotations

import os
import socket

BEATS = 4  # signs of life within the time that the watchdog grants


class Notifier:
    """The service manager's socket, if there is one. `beat_s`: how often it wants a sign of life; None: never."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        granted_us = int(os.environ.get("WATCHDOG_USEC") or 0) if is_ours else 0
        self.beat_s = granted_us / 1e6 / BEATS or None
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            # A leading @ stands for the null byte of Linux's abstract namespace.
            self._socket.connect("\0" + address[1:] if address.startswith("@") else address)

    def ready(self, status: str) -> None:
        """The venue takes orders."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """A sign of life, if the unit has WatchdogSec."""
        if self.beat_s is not None:
            self._send("WATCHDOG=1")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def stopping(self) -> None:
        """The venue has begun to stop."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(message.encode())
        except BlockingIOError:
            return  # its queue is full: the next sign of life is as good
