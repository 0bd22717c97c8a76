"""The console command, as a user types it: help, exit codes, JSON, and what it says when nothing runs.

Most are given in this process (`tests/console.py`), which saves imports; `typed` are processes, which say the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lockstep.core.rules.credentials import credential_of, is_right
from tests import console, forked
from tests.console import lockstep

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "lockstep" / "config" / "demo.toml"
BY = ("--operator", "OPERATOR1")
# Of each operators' command: what it is about.
OPERATING = {
    "halt": ["BTCUSDT"],
    "resume": ["BTCUSDT"],
    "phase": ["BTCUSDT", "closed"],
    "cancel": [],
    "kill": ["TRADER1"],
    "deposit": ["TRADER1", "BTC", "1"],
    "withdraw": ["TRADER1", "BTC", "1"],
    "list-asset": ["DOGE", "8"],
    "list-instrument": ["DOGEUSDT"],
    "limits": ["BTCUSDT"],
    "schedule": ["BTCUSDT"],
    "delist": ["BTCUSDT"],
    "move": ["BTCUSDT", "2"],
    "account-limits": ["TRADER1"],
    "position-limit": ["TRADER1", "BTC", "1"],
    "fee-tier": ["1"],
    "adjust": [],
    "bust": [],
    "correct": [],
}
BY_TWO = ("adjust", "bust", "correct")
DECIDING = (["proposal", "approve"], ["proposal", "dismiss"], ["fees", "pay-out"])


def typed(
    *arguments: str | Path, folder: Path = ROOT, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    code = "from lockstep.__main__ import main; main()"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The configuration of a venue that never ran."""
    file = tmp_path / "venue.toml"
    file.write_text(DEMO.read_text())
    return file


def test_help_lists_the_commands() -> None:
    answer = lockstep("--help")
    assert answer.returncode == 0
    for command in ("run", "status", "snapshot", "verify", "flow", "doctor", "db", *OPERATING):
        assert f" {command} " in answer.stdout
    assert "Exit codes" in answer.stdout


@pytest.mark.parametrize(
    "command",
    [["run"], ["status"], ["verify"], ["flow"], ["doctor"], ["db"], ["db", "url"], ["failover"], ["switchover"],
     ["rejoin"], ["drill"], ["upgrade"], *([name] for name in OPERATING),
     *([name, verb] for name in BY_TWO for verb in ("propose", "approve", "list")),
     *DECIDING, ["proposals"], ["commands"], ["trades"]],
)  # fmt: skip
def test_every_command_explains_itself(command: list[str]) -> None:
    answer = lockstep(*command, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Usage: lockstep " + " ".join(command) in answer.stdout


@pytest.mark.parametrize(
    ("command", "code"),
    [(["--help"], 0), (["db", "url"], 0), (["verify", "--json"], 1), (["status", "--jso"], 2)],
)  # fmt: skip
def test_a_process_of_its_own_says_the_same(stopped: Path, command: list[str], code: int) -> None:
    if command[0] != "--help":
        command = [*command, str(stopped)]
    as_typed, given = typed(*command), lockstep(*command)
    assert (as_typed.returncode, as_typed.stdout, as_typed.stderr) == (code, given.stdout, given.stderr)
    assert given.returncode == code


@pytest.mark.parametrize("wrong", [["sell"], ["status", "--jso"], ["db", "uri"]])
def test_a_wrong_command_line_ends_with_2(wrong: list[str]) -> None:
    answer = lockstep(*wrong)
    assert answer.returncode == 2
    assert "Error" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("command", [["run"], ["status"], ["verify"], ["doctor"], ["db", "url"]])
def test_a_wrong_configuration_ends_with_2_and_names_the_key(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(DEMO.read_text().replace("port = 9878", "prot = 9878"))
    answer = (forked if command == ["run"] else console).lockstep(*command, file)
    assert answer.returncode == 2
    assert answer.stderr == f"{file}: fix.prot: there is no such key; did you mean port?\n"


def test_a_wish_that_the_processes_cannot_meet_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(DEMO.read_text().replace("# core = 1", "core = 4095"))
    assert lockstep("begin", file).returncode == 0
    answer = forked.lockstep("run", file)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"{file}: processes.cpus.core: core 4095 can't be used here; allowed are [")


def test_status_of_a_stopped_venue_is_1(stopped: Path) -> None:
    answer = lockstep("status", stopped)
    assert (answer.returncode, answer.stdout.split()[:5]) == (1, ["venue", "lockstep", "is", "not", "running"])
    assert json.loads(lockstep("status", stopped, "--json").stdout)["running"] is False


def test_verify_needs_a_journal(stopped: Path) -> None:
    answer = lockstep("verify", stopped)
    assert answer.returncode == 1
    assert "the venue has never run" in answer.stdout


def test_the_database_is_below_the_data_folder(stopped: Path) -> None:
    answer = lockstep("db", "url", stopped)
    assert answer.returncode == 0
    assert answer.stdout.startswith("postgresql://")


def test_the_databases_url_in_json(stopped: Path) -> None:
    assert json.loads(lockstep("db", "url", "--json", stopped).stdout) == {
        "url": lockstep("db", "url", stopped).stdout.strip()
    }


def test_a_database_by_url_is_named_as_it_is(stopped: Path) -> None:
    stopped.write_text(stopped.read_text().replace('url = ""', 'url = "postgresql://me@db.example/venue"'))
    assert lockstep("db", "url", stopped).stdout == "postgresql://me@db.example/venue\n"


def test_doctor_finds_what_stands_in_the_way(stopped: Path) -> None:
    checks = json.loads(lockstep("doctor", stopped, "--json").stdout)
    assert [check["name"] for check in checks] == [
        "python", "compiler", "cores", "shared memory", "swap", "message queues", "open files", "disk space",
        "disk sync", "clock", "log time",
    ]  # fmt: skip
    stopped.write_text(stopped.read_text().replace("max_clients = 1000", "max_clients = 100000"))
    answer = lockstep("doctor", stopped)
    assert answer.returncode == 1
    assert "raise the limit (ulimit -n 100256)" in answer.stdout


@pytest.mark.parametrize(
    "command",
    [*([name] for name in OPERATING if name not in BY_TWO),
     *([name, verb] for name in BY_TWO for verb in ("propose", "approve")), *DECIDING],
)  # fmt: skip
def test_every_operators_command_has_an_example(command: list[str]) -> None:
    text = " ".join(lockstep(*command, "--help").stdout.split())
    assert f": lockstep {' '.join(command)} " in text
    assert "3 sent, and the outcome is unknown" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cancel"], "--all for every order of the venue"),
        (["cancel", "--all", "--side", "buy"], "--all for every order of the venue"),
        (["limits", "BTCUSDT"], "name at least one limit"),
        (["limits", "BTCUSDT", "--band-action", "stop"], "Invalid value"),
        (["account-limits", "TRADER1"], "name at least one limit"),
        (["schedule", "BTCUSDT"], "at least one --entry, or --none"),
        (["schedule", "BTCUSDT", "--entry", "noon continuous"], "time: is 'noon'; allowed is a time of day (UTC)"),
        (["schedule", "BTCUSDT", "--entry", "noon"], "is no entry"),
        (["phase", "BTCUSDT", "delisted"], "Invalid value"),
        (["fee-tier", "0", "--maker-fee-ppm", "1", "--taker-fee-ppm", "1"], "allowed is a whole number from 1 to 255"),
        (["list-asset", "doge", "8"], "name: is 'doge'; allowed is 1 to 16 capital letters or digits"),
        (["halt"], 'requires an argument'),
        (["deposit", "TRADER1", "BTC", "1", "--approves", "-1"], "approves: is -1; allowed is a whole number from 0"),
        (["deposit", "TRADER1", "BTC", "1", "--approves", ".5"], 'unable to convert ".5"'),
        (["account-limits", "TRADER1", "--max-orders", "0.4"], 'unable to convert "0.4"'),
        (["fee-tier", "0x10", "--maker-fee-ppm", "1", "--taker-fee-ppm", "1"], 'unable to convert "0x10"'),
        (["position-limit", "TRADER1", "B" * 17, "1"], "allowed is a text of at most 16 characters"),
    ],
)  # fmt: skip
def test_what_an_operator_asks_wrongly_ends_with_2(arguments: list[str], says: str) -> None:
    answer = lockstep(*arguments, *BY)
    assert answer.returncode == 2
    assert says in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


def test_a_stopped_venue_takes_no_command(stopped: Path) -> None:
    answer = lockstep("halt", "BTCUSDT", stopped, *BY)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "venue lockstep is not running: nothing was sent\n"
    told = json.loads(lockstep("halt", "BTCUSDT", stopped, *BY, "--json").stdout)
    assert (told["outcome"], told["seqs"]) == ("refused", [])


def test_output_that_is_no_terminal_has_no_colours(stopped: Path) -> None:
    assert "\x1b" not in lockstep("doctor", stopped).stdout


def test_asked_for_json_a_wrong_command_line_answers_in_it() -> None:
    not_utf8 = ["phase", "BTCUSDT", os.fsdecode(b"\xff"), *BY, "--json"]
    for wrong in (["status", "--json", "--loud"], ["verify", "--json", "nowhere.toml"], not_utf8):
        answer = lockstep(*wrong)
        assert (answer.returncode, answer.stderr) == (2, "")
        error = json.loads(answer.stdout)["error"]
        assert error["exit_code"] == 2
        assert error["reason"]


def test_the_environment_names_the_configuration(stopped: Path, tmp_path: Path) -> None:
    by_name = lockstep("status", "--json", stopped)
    by_environment = typed("status", "--json", folder=tmp_path, environment={"LOCKSTEP_CONFIG": str(stopped)})
    assert by_environment.stdout == by_name.stdout
    assert str(tmp_path) in by_name.stdout


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = "import sys; from lockstep.__main__ import command_line; command_line([]).help_print([])"
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; print(sorted(sys.modules))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loaded = told.rpartition("\n[")[2]
    assert "'cyclopts'" in loaded
    for heavy in (
        "lockstep.config",
        "lockstep.core",
        "msgspec",
        "psycopg",
        "docutils",
        "markdown_it",
        "importlib.metadata",
    ):
        assert f"'{heavy}'" not in loaded


def test_a_demos_keys_are_printed_as_they_sign() -> None:
    answer = lockstep("keys", str(DEMO), "--json")
    assert answer.returncode == 0
    shown = {key["name"]: key for key in json.loads(answer.stdout)}
    assert len(shown) == 16
    assert shown["TRADER3-demo-key"]["secret"] == "TRADER3-demo-secret"
    private = load_pem_private_key(shown["TRADER8-demo-ed25519"]["private_key"].encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert private.private_bytes_raw() == hashlib.sha256(b"TRADER8-demo-ed25519").digest()
    assert "TRADER1-demo-key  HMAC  TRADER1-demo-secret\n" in lockstep("keys", str(DEMO)).stdout


def test_where_there_are_no_demo_keys_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(DEMO.read_text().replace("demo_keys = true", "demo_keys = false"))
    answer = lockstep("keys", str(file))
    assert answer.returncode == 1
    assert "no account of" in answer.stderr
    assert "demo_keys = true" in answer.stderr


def test_a_hashed_password_is_right() -> None:
    answer = typed("hash-password", stdin="correct horse\n")
    assert answer.returncode == 0
    credential = credential_of(answer.stdout.strip())
    assert is_right("correct horse", credential)
    assert not is_right("correct horse\n", credential)
    assert lockstep("hash-password", stdin="\n").returncode == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_commands(shell: str) -> None:
    answer = lockstep("completion", shell)
    assert answer.returncode == 0
    assert "list-instrument" in answer.stdout
    assert "--durability" in answer.stdout or "durability" in answer.stdout


def test_the_manual_has_every_command_and_its_exit_codes() -> None:
    answer = lockstep("man")
    assert answer.returncode == 0
    assert answer.stdout.count("\nExit codes:") >= len(OPERATING)
    headings = {line.replace("\\-", "-") for line in answer.stdout.splitlines() if line.startswith((".SH", ".SS"))}
    for command in ("run", "db url", *OPERATING):
        assert headings & {f".SH lockstep {command}", f".SS lockstep {command}"}, command


def test_who_reads_no_further_ends_a_command_without_a_word() -> None:
    code = "import sys; from lockstep.__main__ import main; main()"
    command = [sys.executable, "-c", code, "completion", "bash"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
