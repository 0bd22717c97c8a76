"""Questions that a process of low priority answers: bounded in number, time and length, and none outlives the api."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.operations.questions import HowItIs, LookBack
from lockstep.procs.api import answers
from lockstep.procs.api.answers import Answers, NoAnswerError

NICENESS = 10


def asked(data: Path, ask: Callable[[Answers], Any]) -> list[str]:
    """Why each of the questions that `ask` gives has no answer."""

    async def run() -> list[str]:
        made = Answers(data)
        try:
            found = await asyncio.gather(*ask(made), return_exceptions=True)
        finally:
            made.close()
        assert all(isinstance(each, NoAnswerError) for each in found), found
        return [str(each) for each in found]

    return asyncio.run(run())


def questions(count: int) -> Callable[[Answers], Any]:
    """Each by another account."""
    return lambda made: [made.ask(HowItIs(), dict[str, Any], account) for account in range(count)]


def test_a_question_about_a_venue_that_is_gone_says_so(tmp_path: Path) -> None:
    assert asked(tmp_path, questions(1)) == ["The venue is stopping."]


def test_more_questions_than_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    found = asked(tmp_path, questions(answers.MOST_WAITING + 2))
    assert found.count("The venue is stopping.") == answers.MOST_WAITING
    assert [text[:31] for text in found[answers.MOST_WAITING :]] == ["Too many such questions wait to"] * 2


def test_who_asks_again_and_again_leaves_room_for_others(tmp_path: Path) -> None:
    many = answers.MOST_WAITING + 2
    found = asked(tmp_path, lambda made: [made.ask(HowItIs(), dict[str, Any], account) for account in [*[1] * many, 2]])
    assert [text == "The venue is stopping." for text in found].count(True) == answers.MOST_OF_ONE + 1
    assert found[-1] == "The venue is stopping."
    assert found[-2].startswith("You have 3 such questions that wait")


@pytest.mark.parametrize(("bound", "value", "says"), [
    ("PATIENCE_S", 0.01, "It takes longer than 0 s: ask by the command"),
    ("MOST_BYTES", 10, "The answer is too long for this: ask by the command"),
])  # fmt: skip
def test_an_answer_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: float, says: str
) -> None:
    monkeypatch.setattr(answers, bound, value)
    (found,) = asked(tmp_path, questions(1))
    assert found.startswith(says)


def test_what_is_being_answered_ends_with_the_api(tmp_path: Path) -> None:
    async def run() -> None:
        made = Answers(tmp_path)
        question = asyncio.ensure_future(made.ask(LookBack(when="1"), dict[str, Any], 1))
        while not made._children:
            await asyncio.sleep(0.001)  # until its process is started
        (child,) = made._children
        made.close()
        with pytest.raises(NoAnswerError, match="ended without a word"):
            await question
        assert child.returncode is not None

    asyncio.run(run())


def test_it_answers_at_a_low_priority(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lockstep.cli.answer", "--data", str(tmp_path), "--parent", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        deadline = time.monotonic() + 60
        while os.getpriority(os.PRIO_PROCESS, child.pid) != NICENESS:
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)  # it says nothing before it is asked
        said, _ = child.communicate(b'{"type":"status"}')
    assert b"The venue is stopping." in said
