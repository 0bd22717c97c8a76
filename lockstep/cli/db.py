"""`lockstep db`: where the venue's PostgreSQL is.

It starts nothing and reads no table.
"""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, load, print_json
from lockstep.core.venue import database_url

app = App(name="db", help="The venue's PostgreSQL.")


@app.command
def url(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Print the URL of the venue's database, for psql and any other client of libpq.

    The embedded server listens while the venue runs: psql "$(lockstep db url)".

    Exit codes: 0 it is printed; 2 the configuration is wrong.
    """
    loaded = load(config)
    found = database_url.of(loaded, Path(loaded.venue.data))
    print_json({"url": found}) if json else print(found)
    return EXIT_OK
