"""What a node asks its peer before it leads: whether that leads already, and how far its log goes.

LOG-21: after the loss of a host a journal can look whole and be short. It changes nothing, here or there.
"""

from __future__ import annotations

import contextlib
import time

from msgspec import Struct

from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal
from lockstep.procs.replicator.link import Asking
from lockstep.procs.replicator.transport import Dialer

STEP_S = 0.005


class Answer(Struct, frozen=True):
    """What the peer says: whether it leads, its epoch, and how far its log goes (0: it leads, and did not say).

    `refusal` is why it does not take this node as its secondary.
    """

    leads: bool
    epoch: int
    last_seq: int
    reason: str
    refusal: Refusal | None = None


def ask(dialer: Dialer, own: Hello, timeout_s: float) -> Answer | None:
    """The peer's answer to the greeting of `own`; None where there is none in time. `dialer.trouble` says why."""
    return _ask(dialer, own, timeout_s, role=False)


def ask_role(dialer: Dialer, own: Hello, timeout_s: float) -> Answer | None:
    """Ask whether the peer leads, and in which epoch; None where no node of the venue answers in time.

    `own` needs no place in the log: the peer neither compares the logs, nor ships anything.
    """
    answer = _ask(dialer, own, timeout_s, role=True)
    return answer if answer is not None and answer.refusal in (Refusal.LEADS, Refusal.NOT_LEADING) else None


def _ask(dialer: Dialer, own: Hello, timeout_s: float, *, role: bool) -> Answer | None:
    deadline_s = time.monotonic() + timeout_s
    connection = None
    try:
        while time.monotonic() < deadline_s:
            now_ns = time.monotonic_ns()
            if connection is None or not connection.is_open:
                connection = dialer.poll(now_ns)
                if connection is not None:
                    link = Asking(own, now_ns, role)
            else:
                with contextlib.suppress(ConnectionError):  # what it said last is in the link
                    connection.pump(link)
                try:
                    epoch = link.answered()
                except LinkError as error:
                    leads = error.code is not Refusal.NOT_LEADING
                    return Answer(leads, error.epoch, error.position, error.reason, error.code)
                if epoch is not None:
                    return Answer(True, epoch, 0, "")
            time.sleep(STEP_S)  # dialling and TLS are advanced by polling: there is no loop here to wake this
        return None
    finally:
        if connection is not None:
            connection.close()
        dialer.close()
