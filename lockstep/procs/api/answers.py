"""Asks a process of low priority what takes a replay of the journal or a look at the whole venue.

Nothing of that runs in the api's own process: an operator who looks back must not slow who trades.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.operations.questions import NONE, ONE, No, Question

ANSWERING = 2  # at a time
MOST_WAITING = 8
MOST_OF_ONE = 3  # of those: others have their turn, however often somebody asks
PATIENCE_S = 60.0
MOST_BYTES = 4 << 20  # of an answer
MOST_OF_TRACE = 4096
INSTEAD = ": ask by the command of lockstep, on the venue's host."
Answer = TypeVar("Answer")


class NoAnswerError(RuntimeError):
    """There is no answer now; the message says why."""


class WrongQuestionError(ValueError):
    """There is nothing such; the message says why."""


class Answers:
    """Has `cli.answer` answer questions about the venue in `data`."""

    def __init__(self, data: Path) -> None:
        self._command = (sys.executable, "-m", "lockstep.cli.answer", "--data", str(data), "--parent", str(os.getpid()))
        # A child ends with the thread that has started it: these stay.
        self._threads = ThreadPoolExecutor(ANSWERING, "answers")
        self._children: set[subprocess.Popen[bytes]] = set()
        self._waiting: Counter[int] = Counter()  # by who asks

    async def ask(self, question: Question, wanted: type[Answer], account: int) -> Answer:
        """The answer, which is of type `wanted`, to what an account asks. WrongQuestionError, NoAnswerError."""
        if self._waiting[account] >= MOST_OF_ONE:
            raise NoAnswerError(f"You have {MOST_OF_ONE} such questions that wait to be answered: wait for one.")
        if self._waiting.total() >= MOST_WAITING:
            raise NoAnswerError("Too many such questions wait to be answered: try again later.")
        self._waiting[account] += 1
        try:
            said = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._answer, msgspec.json.encode(question)
            )
        finally:
            self._waiting[account] -= 1
        return _read(said, wanted)

    def close(self) -> None:
        """End what is being answered, and give up what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in tuple(self._children):
            child.kill()

    def _answer(self, question: bytes) -> bytes:
        """What a process says to a question. NoAnswerError."""
        with (
            tempfile.TemporaryFile() as wrong,
            subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=wrong) as child,
        ):
            assert child.stdin is not None
            assert child.stdout is not None
            self._children.add(child)
            late = threading.Timer(PATIENCE_S, child.kill)
            late.start()
            try:
                with contextlib.suppress(BrokenPipeError):  # it has ended: so says its silence
                    child.stdin.write(question)
                    child.stdin.close()
                said = child.stdout.read(MOST_BYTES + 1)
                is_late = not late.is_alive()
            finally:
                late.cancel()
                child.kill()
                self._children.discard(child)
            if not said and not is_late:
                wrong.seek(0)
                log.error("no_answer", why=wrong.read(MOST_OF_TRACE).decode("utf-8", "replace"))
        if is_late:
            raise NoAnswerError(f"It takes longer than {PATIENCE_S:.0f} s{INSTEAD}")
        if len(said) > MOST_BYTES:
            raise NoAnswerError(f"The answer is too long for this{INSTEAD}")
        return said


def _read(said: bytes, wanted: type[Answer]) -> Answer:
    if not said:
        raise NoAnswerError("The process that was to answer ended without a word: try again.")
    if said.startswith(ONE):
        return msgspec.json.decode(said[len(ONE) :], type=wanted)
    refusal = msgspec.json.decode(said[len(NONE) :], type=No)
    raise WrongQuestionError(refusal.why) if refusal.is_asker else NoAnswerError(refusal.why)
