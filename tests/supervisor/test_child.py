"""What a process that ended said of its end: its very last words, and no line that it wrote before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lockstep.procs.supervisor import child as module
from lockstep.procs.supervisor.child import Child
from lockstep.procs.supervisor.log import Log

SOON_S = 0.2
ENDS = {
    "a refusal": ("echo 'port 8080 is taken'; exit 78", "port 8080 is taken"),
    "an error behind a log entry": ('echo \'{"event": "x"}\'; echo ValueError: no; exit 1', "ValueError: no"),
    "a log entry": ('echo ValueError: no; echo \'{"event": "fine", "level": "info"}\'; exit 1', ""),
    "nothing but an old line": (f"echo 'error connecting in pool-1'; sleep {2 * SOON_S}; exit 1", ""),
    "a kill behind a line": ("echo 'error connecting in pool-1'; kill -9 $$", ""),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_only_its_last_words_explain_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(module, "LAST_WORDS_S", SOON_S)
    script, words = ENDS[end]

    async def run() -> Child:
        ended = asyncio.Event()
        child = Child("host", ("sh", "-c", script), Log(tmp_path / "host.log"), lambda _: None, ended.set)
        await asyncio.wait_for(ended.wait(), 30)
        return child

    assert asyncio.run(run()).last_words() == words
