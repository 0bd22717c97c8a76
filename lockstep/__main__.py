"""The console command `lockstep`: finds the subcommand, runs it, and turns its outcome into an exit code.

Each subcommand is a module of `cli`, loaded only when it is asked for; nothing else is done here.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from lockstep.cli import release
from lockstep.cli.errors import UsageError
from lockstep.cli.operate.lines import lines
from lockstep.cli.rights import refusal
from lockstep.cli.terminal import EXIT_INTERRUPTED, EXIT_UNREAD, EXIT_USAGE, fail

# Where each is, and its line in the list of all: that must not load them.
COMMANDS = {
    "init": ("init:init", "Write a configuration of your own."),
    "begin": ("begin:begin", "Begin a new venue: its data folder, with an empty journal."),
    "run": ("run:run", "Run a venue until Ctrl-C stops it."),
    "demo": ("demo.command:demo", "Make the market of a running venue live."),
    "stop": ("stop:stop", "Stop a running venue in order."),
    "status": ("status:status", "Show what a running venue does."),
    "show": ("show:show", "Show limits, schedules, kill switches and accounts as they hold now."),
    "sessions": ("sessions:sessions", "Show every FIX session and its connection."),
    "logs": ("logs:logs", "Show what the processes log; --follow goes on."),
    "fix-log": ("fix_log:fix_log", "Show stored FIX messages by session, time or client order id."),
    "snapshot": ("snapshot:snapshot", "Save a running venue's state now."),
    "restart": ("restart:restart", "Start one process of a running venue again."),
    "verify": ("verify:verify", "Prove that journal, snapshots, database and money agree."),
    "at": ("at.command:at", "Show the venue just after a command, and why the command was refused."),
    "backup": ("backup.command:backup", "Back up a venue, running or not; or prove its backups."),
    "restore": ("backup.command:restore", "Make a data folder from a backup."),
    "repair-journal": ("repair_journal:repair_journal", "Repair a damaged journal from a copy."),
    "convert-journal": ("convert_journal:convert_journal", "Convert an earlier build's journal for this build."),
    "failover": ("nodes.failover:failover", "Have this node serve without the other one: lead, or wait no longer."),
    "switchover": ("nodes.switchover:switchover", "Have the secondary lead as planned, and lose nothing."),
    "upgrade": ("nodes.upgrade:upgrade", "Change this node, the secondary, to another version."),
    "join": ("nodes.join:join", "Have a secondary begin with a copy of the node that leads."),
    "rejoin": ("nodes.rejoin:rejoin", "Make a node that led a secondary of the other one again."),
    "drill": ("nodes.drill:drill", "Rehearse failovers on two throw-away nodes under load."),
    "void": ("void:void", "Take a command that crashes the venue out of its effect."),
    "flow": ("flow.command:flow", "Play a file of orders and compare the books."),
    "check": ("check:check", "Check a configuration against this machine and the venue's log."),
    "doctor": ("doctor:doctor", "Check this machine and say what to fix."),
    "second-node": ("second_node:second_node", "Write the second node's configuration from the first node's."),
    "pair": ("pair:pair", "Make two nodes a pair: keys, certificates, and who leads."),
    "install": ("service.command:install", "Have systemd run venues on this host."),
    "uninstall": ("service.command:uninstall", "Remove what lockstep install wrote."),
    "rebuild-db": ("rebuild_db:rebuild_db", "Rebuild the database from the journal."),
    "load-refused": ("load_refused:load_refused", "Load the rows that the database had refused."),
    "export": ("export:export", "Write trades, candles or orders of an instrument to a file."),
    "db": ("db:app", "The venue's PostgreSQL."),
    "hash-password": ("hash_password:hash_password", "Print a password's hash, for the configuration."),
    "keys": ("keys:keys", "Print the API keys of a demo's accounts."),
    "completion": ("shell:completion", "Print a script that completes commands in a shell."),
    "man": ("shell:man", "Print the manual page."),
}
# Lists, and one command that writes no record. The others have their lines in the table of operations.
OPERATORS = {
    "commands": ("operate.commands:commands", "Show operators' commands: who gave which, when, and the outcome."),
    "trades": ("operate.past_trades:trades", "Show an instrument's trades with their numbers."),
    "disconnect": ("operate.sessions:disconnect", "End a FIX session's connection."),
    "proposals": ("operate.proposals:proposals", "Show everything that waits for a second operator."),
    "deposits": ("operate.proposals:deposits", "Show the deposits that wait for a second operator."),
    "withdrawals": ("operate.proposals:withdrawals", "Show the withdrawals that wait."),
}
EPILOGUE = (
    "Exit codes: 0 all is well; 1 something is not, or was refused; 2 the command line or the configuration is wrong; "
    "3 an operator's command was sent, but its outcome is unknown."
)


def command_line(arguments: Sequence[str] = (), *, explained: bool = False) -> App:
    """The command line, with all subcommands. The one that is asked for explains itself by its docstring, as do all
    that are to be `explained`: that loads them."""
    app = App(
        name="lockstep",
        help="Lockstep, a trading venue that anyone can run.",
        version=release.version,
        result_action="return_value",
        help_format="plaintext",
    )
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked is None:
        app.help_epilogue = EPILOGUE
    table = {name: (f"operate.operations:{name.replace('-', '_')}", line) for name, line in lines().items()}
    operators = Group("Operators", help="For operators' accounts: what these do is in the log.")
    for group, commands in ((None, COMMANDS), (operators, OPERATORS | table)):
        for name, (place, line) in commands.items():
            app.command(
                f"lockstep.cli.{place}", name=name, group=group, help=None if explained or name == asked else line
            )
    return app


def main() -> None:
    """Run the command line's subcommand and exit."""
    arguments = sys.argv[1:]
    json = "--json" in arguments
    gc.set_threshold(50_000)  # imports are most of what a command does, and make no garbage
    try:
        if any("\ud800" <= char <= "\udfff" for char in "".join(arguments)):
            raise UsageError("an argument is not UTF-8 text")
        result = command_line(arguments)(arguments, exit_on_error=False, print_error=not json)
        sys.stdout.flush()
    except CycloptsError as error:
        sys.exit(fail(str(error), json=True, code=EXIT_USAGE) if json else EXIT_USAGE)
    except UsageError as error:
        sys.exit(fail(str(error), json=json, code=EXIT_USAGE))
    except BrokenPipeError:
        # The reader has closed the pipe (| head). The interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_UNREAD)
    except PermissionError as error:
        sys.exit(fail(refusal(error), json=json, code=EXIT_USAGE))
    except OSError as error:
        from lockstep.core.files.space import is_full

        if not is_full(error):
            raise
        where = f": {error.filename}" if error.filename else ""
        sys.exit(
            fail(
                f"the disk has no room for this command's files{where}; free space, then repeat it",
                json=json,
                code=EXIT_USAGE,
            )
        )
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(result)


if __name__ == "__main__":
    main()
