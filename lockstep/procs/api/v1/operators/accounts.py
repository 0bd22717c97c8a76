"""Accounts, for operators: who there is, what each may do, who has registered and waits, and whose keys end."""

from __future__ import annotations

from bisect import bisect_right

from litestar import Controller, delete, get, post
from msgspec import Struct

from lockstep.core.operations.directory import Directory
from lockstep.core.operations.operation import Done
from lockstep.core.schema.records import Account, KeyRevocation, KillScope, Role, SelfTrade
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.v1.account import AccountShown, account_shown
from lockstep.procs.api.v1.auth import Body, Name, Secret
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.keys import KeyShown, key_shown
from lockstep.procs.api.v1.operators.readers import After, account_of, looked_at, looks, seen, shown_amount
from lockstep.procs.api.v1.orders import Limit
from lockstep.procs.api.v1.problems import not_found
from lockstep.procs.api.v1.shown import MS, BalanceShown, OrderShown, balance_shown, order_shown


class NewAccount(Body, frozen=True, kw_only=True):
    """A trader's account that an operator defines. Its owner changes the password with /v1/auth/password; another role
    takes two."""

    name: Name
    password: Secret


class AccountLimitsShown(Struct, frozen=True):
    """What an account may do, and its defaults. 0 stands for no limit."""

    max_open_orders: int
    max_orders: int
    window_ms: int
    self_trade: str
    self_trade_group: int
    fee_tier: int
    position_limits: dict[str, str]


class AccountInFull(Struct, frozen=True):
    """An account, and what an operator may set of it. `registered` (milliseconds since 1970) is null where an operator
    or the configuration has defined it; while `account_blocked` is true, its new orders are refused."""

    account: AccountShown
    registered: int | None
    account_blocked: bool
    session_blocked: bool
    limits: AccountLimitsShown


class Waiting(Struct, frozen=True):
    """An account that somebody has registered, and that may not trade yet: its kill switch is on."""

    name: str
    account: int
    registered: int


class AccountsController(Controller):
    """Accounts and what they may do."""

    path = "/v1/operator"
    tags = ["operator: accounts"]  # noqa: RUF012 - Litestar's name

    @get("/accounts")
    async def accounts(
        self, caller: Caller, services: Services, after: After = 0, limit: Limit = MOST_ROWS
    ) -> list[AccountShown]:
        """Accounts in the order of their numbers, from the one behind number `after` on."""
        await looks(caller, services, "accounts")
        numbers = services.desk.people.numbers()
        first = bisect_right(numbers, after)
        return [account_shown(services.desk.people, number) for number in numbers[first : first + limit]]

    @post("/accounts", status_code=201)
    async def define(self, data: NewAccount, caller: Caller, services: Services) -> AccountShown:
        """Define a trader's account. Another role is proposed afterwards, at `/accounts/{name}/role`."""
        caller.may_operate()
        credential = await services.passwords.credential(data.password, caller.name, caller.address)
        command = Account(account=caller.account, name=data.name.encode())
        await services.registry.carry([credential, command], data.name.encode(), caller.ticket)
        return account_shown(services.desk.people, account_of(caller, services, data.name))

    @get("/accounts/{name:str}")
    async def account(self, name: str, caller: Caller, services: Services) -> AccountInFull:
        """An account with its limits and switches."""
        account = looked_at(caller, services, name)
        directory = await seen(caller, services, "account", name)
        registered = directory.registered.get(account)
        return AccountInFull(
            account_shown(services.desk.people, account),
            registered // MS if registered is not None else None,
            (account, KillScope.ACCOUNT) in directory.blocked,
            (account, KillScope.SESSION) in directory.blocked,
            _limits_shown(directory, account),
        )

    @get("/accounts/{name:str}/balances")
    async def balances(self, name: str, caller: Caller, services: Services) -> list[BalanceShown]:
        """What an account has."""
        account = looked_at(caller, services, name)
        await looks(caller, services, "balances", name)
        return [balance_shown(view) for view in services.shown.balances(account)]

    @get("/accounts/{name:str}/orders/open")
    async def open_orders(self, name: str, caller: Caller, services: Services) -> list[OrderShown]:
        """An account's open orders."""
        account = looked_at(caller, services, name)
        await looks(caller, services, "open orders", name)
        further = services.desk.orders.further
        return [order_shown(view, further(view.order_id)) for view in services.shown.open_orders(account)]

    @get("/accounts/{name:str}/keys")
    async def keys(self, name: str, caller: Caller, services: Services) -> list[KeyShown]:
        """An account's API keys that are not revoked. Nobody sees their secrets."""
        account = looked_at(caller, services, name)
        await looks(caller, services, "keys", name)
        return [key_shown(key) for key in services.desk.keys.of(account)]

    @delete("/accounts/{name:str}/keys/{key:str}", status_code=200)
    async def revoke(self, name: str, key: str, caller: Caller, services: Services) -> Done:
        """End an account's API key, for ever: an admin does. Nothing that it signs is sequenced behind this."""
        caller.is_one_of(Role.ADMIN)
        account = account_of(caller, services, name)
        found = services.desk.keys.find(key.encode())
        if found is None or found.account != account:
            raise not_found("The account has no such key.", "key")
        command = KeyRevocation(account=caller.account, name=found.name)
        return Done((await services.registry.carry([command], found.name, caller.ticket, adds=False)).seq)

    @get("/registrations")
    async def registrations(
        self, caller: Caller, services: Services, after: After = 0, limit: Limit = MOST_ROWS
    ) -> list[Waiting]:
        """Who has registered and may not trade yet, in the order of their accounts' numbers, behind number `after`."""
        directory = await seen(caller, services, "registrations")
        waiting = sorted(directory.unapproved)
        first = bisect_right(waiting, after)
        return [
            Waiting(directory.name_of_account(account), account, directory.registered[account] // MS)
            for account in waiting[first : first + limit]
        ]


def _limits_shown(directory: Directory, account: int) -> AccountLimitsShown:
    limits = directory.account_limits_of(account)
    limited = [(asset, most) for (owner, asset), most in directory.position_limits.items() if owner == account]
    return AccountLimitsShown(
        limits["max_open_orders"],
        limits["max_orders"],
        limits["window_ms"],
        SelfTrade(limits["self_trade"] or SelfTrade.NONE).name.lower(),
        limits["self_trade_group"],
        limits["fee_tier"],
        dict(shown_amount(directory, asset, most) for asset, most in limited),
    )
