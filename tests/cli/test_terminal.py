"""What the commands print of others' words stays words: no markup, and nothing that a terminal obeys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from lockstep.cli.terminal import console, fail, table

# What a client may name itself or an order, or send as Text: styles, an emoji, a window title, a cleared screen.
WORDS = "[/red] [fe80::1]:9878 :bug: \x1b]0;title\x07\x1b[2J\r\x9b\x00"
SHOWN = r"[/red] [fe80::1]:9878 :bug: \x1B]0;"


@pytest.mark.parametrize("way", ["text", "str", "cell", "refusal"])
def test_words_of_others_are_printed_as_they_are(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("", "column")
    rows.add_row(WORDS if way == "cell" else "")
    if way == "refusal":
        fail(WORDS, json=False)
    else:
        console().print({"text": Text(WORDS), "str": WORDS}.get(way, rows), soft_wrap=way in ("text", "str"))
    printed = "".join(capsys.readouterr())
    assert SHOWN in printed
    assert not {character for character in printed if ord(character) < 32 or 127 <= ord(character) < 160} - {"\n"}


def test_whoever_reads_no_further_is_no_problem() -> None:
    """As `lockstep fix-log | head` does; 1 would say that something is wrong."""
    code = (
        "import lockstep.__main__ as program; from lockstep.cli.terminal import console\n"
        "program.command_line = lambda _: lambda *_, **__: console().print('words')\n"
        "program.main()"
    )
    ours, pipe = os.pipe()
    os.close(ours)
    answer = subprocess.run(
        [sys.executable, "-c", code], stdout=pipe, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2], check=False
    )
    os.close(pipe)
    assert (answer.returncode, answer.stderr) == (141, b"")
