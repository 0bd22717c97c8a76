"""The console command `lockstep`: finds the subcommand, runs it, and turns its outcome into an exit code.

Each subcommand is a module of this package, loaded only when it is asked for; nothing else is done here.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App, CycloptsError
from rich.console import Console
from rich.text import Text

from scripts.terminal import EXIT_USAGE, UsageError


def _version() -> str:
    try:
        return version("lockstep-venue")
    except PackageNotFoundError:
        return "not installed"


app = App(
    name="lockstep",
    help="Lockstep, a trading venue that anyone can run.",
    help_epilogue="Exit codes: 0 all is well; 1 something is not; 2 the command line or the configuration is wrong.",
    version=_version,
    result_action="return_value",
)
app.command("scripts.run:run", name="run", help="Run a venue until Ctrl-C stops it.")
app.command("scripts.status:status", name="status", help="Show what a running venue does.")
app.command("scripts.verify:verify", name="verify", help="Check journal, database and money.")
app.command("scripts.flow.command:flow", name="flow", help="Play a file of orders and compare the books.")
app.command("scripts.doctor:doctor", name="doctor", help="Check this machine, and say what to fix.")
app.command("scripts.db:app", name="db", help="The venue's PostgreSQL.")


def main() -> None:
    """Run the command line's subcommand and exit."""
    try:
        result = app(exit_on_error=False, print_error=True)
    except CycloptsError:
        sys.exit(EXIT_USAGE)
    except UsageError as error:
        Console(stderr=True, soft_wrap=True).print(Text(str(error), style="red"))
        sys.exit(EXIT_USAGE)
    sys.exit(result)


if __name__ == "__main__":
    main()
