"""The monitor: a small process that serves a node's metrics and health over HTTP, beside those that trade.

    python -m lockstep.procs.monitor --data FOLDER --settings JSON --supervisor PID

It only looks. The supervisor starts it, and starts it again; nothing waits for it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

import msgspec

from lockstep.config.schema import MAX_GATEWAYS, MetricsSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.diagnostics.refusal import EXIT_REFUSED, FinalError
from lockstep.core.venue.parent_death import die_with
from lockstep.procs.monitor.exporter import CONTENT_TYPE, Exporter
from lockstep.procs.monitor.health import QUESTIONS, Objections, against_gateway
from lockstep.procs.monitor.observer import Observer
from lockstep.procs.monitor.server import Answer, Page, Server

NICENESS = 5  # below those that trade: many askers must not slow them
FOLLOW_S = 5.0  # between two looks whether a run is over, when nobody asks


def main() -> None:
    """Run until SIGTERM. What no other try mends ends it with one line and exit code 78."""
    parser = argparse.ArgumentParser(prog="python -m lockstep.procs.monitor", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--settings", required=True, help="the configuration's [metrics], as JSON")
    parser.add_argument("--supervisor", type=int, required=True, help="the process id of whoever starts it")
    arguments = parser.parse_args()
    if not die_with(arguments.supervisor):
        sys.exit("the supervisor ended while the monitor started")
    os.nice(NICENESS)
    settings = msgspec.json.decode(arguments.settings, type=MetricsSection)
    try:
        asyncio.run(serve(settings, arguments.data))
    except FinalError as error:
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        sys.exit(EXIT_REFUSED)


async def serve(settings: MetricsSection, data: Path) -> None:
    """Serve until SIGTERM, or raise the bug that a page ran into. FinalError if the address can't be had."""
    observer = Observer(data)
    server = Server(settings, pages(observer, Exporter()))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal's Ctrl-C is the supervisor's to carry out
    await server.open()
    assert server.failure is not None
    log.info("metrics are served", address=settings.address, port=server.port, pid=os.getpid())
    stopping = loop.create_task(stop.wait())
    while not (stopping.done() or server.failure.done()):
        await asyncio.wait((stopping, server.failure), timeout=FOLLOW_S, return_when=asyncio.FIRST_COMPLETED)
        observer.follow()
    server.close()
    if server.failure.done():
        server.failure.result()


def pages(observer: Observer, exporter: Exporter) -> dict[str, Page]:
    """What is served, by path."""

    def metrics() -> Answer:
        reading = observer.look()
        return Answer(200, exporter.text(reading, observer.heartbeat_ms), CONTENT_TYPE)

    def ask(objections: Objections) -> Answer:
        against = objections(observer.look(), observer.heartbeat_ms)
        return Answer(503, "".join(f"{each}\n" for each in against).encode()) if against else Answer(200, b"ok\n")

    questions = {question.path: question.objections for question in QUESTIONS}
    of_gateways = {
        f"/health/gateway/{number}": partial(against_gateway, number) for number in range(1, MAX_GATEWAYS + 1)
    }
    return {"/metrics": metrics} | {path: partial(ask, asked) for path, asked in (questions | of_gateways).items()}


if __name__ == "__main__":
    main()
