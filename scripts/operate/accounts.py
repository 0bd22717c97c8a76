"""`lockstep account-limits`, `position-limit` and `fee-tier`: what accounts may do, and what they pay, at run time.

Each makes one record; the router applies it to orders that come after it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from procs.operating import accounts
from scripts.errors import UsageError
from scripts.operate.command import Context, Options, Request, as_usage, carry_out, overruled, saying
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, load

AccountName = Annotated[str, Parameter(help="Whose.")]


def account_limits(
    account: AccountName,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    max_open_orders: Annotated[int | None, Parameter(help="0: no limit.")] = None,
    max_orders: Annotated[int | None, Parameter(help="New orders and replaces in a window; 0: no limit.")] = None,
    window_ms: Annotated[int | None, Parameter(help="How long that window is, in milliseconds.")] = None,
    self_trade: Annotated[
        Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"] | None,
        Parameter(help="What happens when its own orders meet and do not say themselves."),
    ] = None,
    self_trade_group: Annotated[int | None, Parameter(help="Accounts of one group count as one; 0: alone.")] = None,
    fee_tier: Annotated[int | None, Parameter(help="Whose rates it pays; 0: the instruments'.")] = None,
    options: Options,
) -> int:
    """Change what an account may do, and its defaults. Anything not named stays; open orders stay too.

    The next start applies the configuration file: if it names the same keys, change them there too.

    Example: lockstep account-limits TRADER3 --max-orders 50 --window-ms 1000 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    asked: dict[str, Any] = {
        "max_open_orders": max_open_orders, "max_orders": max_orders, "window_ms": window_ms,
        "self_trade": self_trade, "self_trade_group": self_trade_group, "fee_tier": fee_tier,
    }  # fmt: skip
    named = {name: value for name, value in asked.items() if value is not None}
    if not named:
        raise UsageError("name at least one limit to change; lockstep account-limits --help lists them")

    def request(context: Context) -> Request:
        command = accounts.account_limits(context.directory, account, named)
        words = ", ".join(f"{name} {value}" for name, value in named.items())
        said = next((each for each in load(config, secrets=False).accounts if each.name == account), None)
        return Request([command], saying(f"{account} now has {words}{overruled(config, said, named)}", named))

    return carry_out(config, options, request)


def position_limit(
    account: AccountName,
    asset: Annotated[str, Parameter(help="Of which asset.")],
    most: Annotated[str, Parameter(help="The most that it may own, open buys counted as filled; 0: no limit.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Limit what an account may own of an asset. What it owns already, and its open orders, stay.

    Example: lockstep position-limit TRADER3 BTC 5000 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        command = accounts.position_limit(context.directory, account, asset, most)
        done = f"{account} may own {most if command.max_units else 'any amount of'} {asset}"
        return Request([command], saying(done, {"account": account, "asset": asset}))

    return carry_out(config, options, request)


def fee_tier(
    tier: Annotated[int, Parameter(help="Its number, 1 to 255.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    maker_fee_ppm: Annotated[int, Parameter(help="Fee of the maker, in 1/1,000,000 of what it receives.")],
    taker_fee_ppm: Annotated[int, Parameter(help="Fee of the taker.")],
    options: Options,
) -> int:
    """Set the rates of a fee tier, for orders that are entered from now on.

    Example: lockstep fee-tier 2 --maker-fee-ppm 50 --taker-fee-ppm 150 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    values = {"tier": tier, "maker_fee_ppm": maker_fee_ppm, "taker_fee_ppm": taker_fee_ppm}
    with as_usage():
        command = accounts.fee_tier(tier, maker_fee_ppm, taker_fee_ppm)
    done = f"fee tier {tier}: maker {maker_fee_ppm}, taker {taker_fee_ppm} millionths"
    return carry_out(config, options, lambda _: Request([command], saying(done, values)))
