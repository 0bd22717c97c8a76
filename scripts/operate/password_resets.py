"""`lockstep password-reset`: one operator proposes that an account may take a new password, another approves.

Each makes one record; the router judges it. Nobody types the password here: its owner does, with the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter

from procs.operating.operation import Outcome, Said
from procs.rules.reset_codes import hash_of, new_code, text_of
from scripts.operate.command import Context, Options, Request, carry_out
from scripts.terminal import DEFAULT_CONFIG, ConfigPath
from shm.records import Code, PasswordReset

AccountName = Annotated[str, Parameter(help="Whose password.")]
WHY = {Code.ROLE_NOT_ALLOWED: "it is your own, or an admin's: two others reset it, of an admin's two admins"}

password_reset = App(
    name="password-reset", help="Let an account take a new password: one operator proposes, another approves."
)


@password_reset.command
def propose(
    account: AccountName,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    takes_factor: Annotated[bool, Parameter(help="Its second factor goes, too, when the code is used.")] = False,
    options: Options,
) -> int:
    """Propose that an account may take a new password by a code, which is shown once.

    Nothing changes before another operator approves it; then its owner sends the code to /v1/auth/reset-by-code.

    Example: lockstep password-reset propose TRADER1 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        code = new_code()
        target = context.directory.account(account).number
        command = PasswordReset(cl_ord_id=b"", target=target, takes_factor=takes_factor, code_hash=hash_of(code))

        def said(outcomes: Sequence[Outcome]) -> Said:
            seq = outcomes[0].seq
            factor = " and second factor" if takes_factor else ""
            return Said(f"proposal {seq}: another operator lets {account} take a new password{factor} with lockstep "
                        f"password-reset approve {account} {seq}; then its code is {text_of(code)}",
                        {"proposal": seq, "code": text_of(code)})  # fmt: skip

        return Request([command], said, why=WHY)

    return carry_out(config, options, request)


@password_reset.command
def approve(
    account: AccountName,
    proposal: Annotated[int, Parameter(help="The proposal's number.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Let the code of another operator's proposal work, once, until a day after the proposal.

    Example: lockstep password-reset approve TRADER1 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        command = PasswordReset(cl_ord_id=b"", target=context.directory.account(account).number, proposal=proposal)

        def said(outcomes: Sequence[Outcome]) -> Said:
            return Said(f"approved: {account} may take a new password by its code; log record {outcomes[0].seq}",
                        {"proposal": proposal})  # fmt: skip

        return Request([command], said, f"Let {account} take a new password?", WHY)

    return carry_out(config, options, request)
