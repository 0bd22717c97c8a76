"""`lockstep completion` and `lockstep man`: for shells and readers, made from the commands themselves."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from cyclopts import App, Parameter
from docutils.core import publish_string
from docutils.writers.manpage import Writer

from lockstep.cli.terminal import EXIT_OK

# What docutils wants before the text of a manual page: its name, its section and its line in the list of all.
HEAD = """
********
lockstep
********

################################
a trading venue that anyone runs
################################

:Manual section: 1
:Manual group: User Commands

"""
# Each command's page begins with this; the list of all comes before the first.
PAGE = re.compile(r"^\.\. _cyclopts-[a-z-]+:$", re.MULTILINE)
CONTENTS = re.compile(r"^\.\. contents::.*\n(?:   .*\n)*", re.MULTILINE)


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")]) -> int:
    """Print a script that completes commands and options.

    Examples: source <(lockstep completion bash); lockstep completion zsh > "${fpath[1]}/_lockstep"; lockstep completion
    fish > ~/.config/fish/completions/lockstep.fish

    Exit codes: 0 it is printed; 2 there is no such shell.
    """
    from lockstep.__main__ import command_line

    print(command_line().generate_completion(shell=shell))
    return EXIT_OK


def man() -> int:
    """Print the manual page of all commands.

    Examples: lockstep man | man -l -; lockstep man > /usr/local/share/man/man1/lockstep.1

    Exit codes: 0 it is printed.
    """
    from lockstep.__main__ import command_line

    listed = _pages(command_line())[0]
    pages = _pages(command_line(explained=True))[1:]
    text = HEAD + CONTENTS.sub("", "\n".join([listed, *pages]))
    print(publish_string(text, writer=Writer(), settings_overrides={"output_encoding": "unicode"}))
    return EXIT_OK


def _pages(commands: App) -> list[str]:
    """In reStructuredText: the list of commands, then each command."""
    return PAGE.split(commands.generate_docs("rst", flatten_commands=True))[1:]
