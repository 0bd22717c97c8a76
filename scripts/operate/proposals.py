"""What `lockstep adjust list`, `bust list`, `correct list` and `deposits` show: what waits for a second operator.

It reads the directory and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from procs.operating.directory import Directory, Proposal, read
from scripts.running import attach
from scripts.terminal import EXIT_OK, console, fail, load, print_json, table
from shm.journal import JournalError
from shm.records import Deposit


def show(
    config: Path,
    proposals: Callable[[Directory], Mapping[int, Proposal]],
    columns: Mapping[str, Callable[[Directory, Proposal], str]],
    *,
    json: bool,
) -> int:
    """Print `proposals` of the directory, one a line, with what each of `columns` says of it. Returns the exit code."""
    loaded = load(config, secrets=False)
    venue = attach(Path(loaded.venue.data))
    if venue is None:
        return fail(f"venue {loaded.venue.name} is not running (data: {loaded.venue.data})", json=json)
    try:
        directory = read(venue)
    except JournalError as error:
        return fail(f"the journal can't be read: {error}", json=json)
    rows = [
        {
            "proposal": seq,
            "by": directory.name_of_account(known.asked_by if isinstance(known, Deposit) else known.account),
            **{name: worded(directory, known) for name, worded in columns.items()},
        }
        for seq, known in proposals(directory).items()
    ]
    if json:
        print_json(rows)
    else:
        out = table("", "proposal>", "proposed by", *columns)
        for row in rows:
            out.add_row(*map(str, row.values()))
        console().print(out)
    return EXIT_OK
