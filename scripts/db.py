"""`lockstep db`: where the venue's PostgreSQL is.

It starts nothing and reads no table.
"""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from procs.batcher import database
from scripts.terminal import DEMO, EXIT_OK, ConfigPath, load

app = App(name="db", help="The venue's PostgreSQL.")


@app.command
def url(config: ConfigPath = DEMO) -> int:
    """Print the URL of the venue's database, for psql and any other client of libpq.

    The embedded server listens while the venue runs: psql "$(lockstep db url)".
    """
    loaded = load(config)
    print(database.url(loaded, Path(loaded.venue.data)))
    return EXIT_OK
