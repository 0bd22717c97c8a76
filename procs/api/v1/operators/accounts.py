"""Accounts, for operators: who there is, what each may do, who has registered and waits, and whose keys end."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

from litestar import Controller, delete, get, post, put
from msgspec import Meta, Struct, structs

from config.schema import Count, FeeTierNumber
from procs.api.binance.pages import MOST_ROWS
from procs.api.v1.account import AccountShown, account_shown
from procs.api.v1.auth import Body, Name, Secret
from procs.api.v1.caller import Caller, Services
from procs.api.v1.keys import KeyShown, key_shown
from procs.api.v1.operators.carried import (
    NAMELESS,
    After,
    Amount,
    Done,
    Named,
    Proposed,
    account_of,
    agreed,
    done,
    given,
    known,
    looked_at,
    looks,
    seen,
    shown_amount,
)
from procs.api.v1.orders import Limit
from procs.api.v1.problems import not_found
from procs.api.v1.shown import MS, BalanceShown, OrderShown, balance_shown, order_shown
from procs.operating import accounts
from procs.operating.directory import Directory
from shm.records import Account, ExtCredential, KeyRevocation, KillScope, KillSwitch, Role, SelfTrade

RoleName = Literal["trader", "operator", "admin", "auditor"]
SelfTradeName = Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]


class NewAccount(Body, frozen=True, kw_only=True):
    """A trader's account that an operator defines. Its owner changes the password with /v1/auth/password; another role
    takes two."""

    name: Name
    password: Secret


class NewRole(Body, frozen=True, kw_only=True):
    """What an account may do from now on. Two admins say so; two operators, between trader and auditor."""

    role: RoleName


class Switch(Named, frozen=True, kw_only=True):
    """A kill switch: on, the account (or its FIX session alone) takes no more orders."""

    is_on: bool
    scope: Literal["account", "session"] = "account"


class AccountLimitsWanted(Named, frozen=True, kw_only=True):
    """What an account may do, and its defaults; what is left out stays. `max_orders` and `window_ms` belong together:
    so many new orders and replaces in so many milliseconds. 0 stands for no limit, and of a fee tier for the
    instruments' own rates."""

    max_open_orders: Count | None = None
    max_orders: Count | None = None
    window_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None
    self_trade: SelfTradeName | None = None
    self_trade_group: Count | None = None
    fee_tier: FeeTierNumber | None = None


class PositionLimitWanted(Named, frozen=True, kw_only=True):
    """The most that an account may own of an asset, its open buys counted as filled; 0: no limit."""

    most: Amount


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

    @put("/accounts/{name:str}/role")
    async def role(self, name: str, data: NewRole, caller: Caller, services: Services) -> Proposed:
        """Propose another role for an account: another admin approves it at `/proposals/{proposal}/approve`. Its keys
        then allow what the role does. The role that it has already changes nothing."""
        account = account_of(caller, services, name)
        credential = services.desk.accounts.find(name)
        assert credential is not None
        kept = credential.credential
        extension = ExtCredential(
            salt=kept.salt, hash=kept.hash, memory_kib=kept.memory_kib, time_cost=kept.time_cost,
            parallelism=kept.parallelism,
        )  # fmt: skip
        command = Account(name=name.encode(), target=account, role=Role[data.role.upper()])
        return await agreed(caller, services, command, [extension])

    @put("/accounts/{name:str}/kill-switch")
    async def kill(self, name: str, data: Switch, caller: Caller, services: Services) -> Done:
        """Turn an account's kill switch on or off. Cancels always pass."""
        scope = KillScope[data.scope.upper()]
        target = account_of(caller, services, name)
        command = KillSwitch(cl_ord_id=data.client_id, target=target, scope=scope, is_on=data.is_on)
        return await done(caller, services, command, adds=not data.is_on)

    @put("/accounts/{name:str}/limits")
    async def limits(self, name: str, data: AccountLimitsWanted, caller: Caller, services: Services) -> Done:
        """Change what an account may do, and its defaults. Open orders stay."""
        account_of(caller, services, name)
        named = given(data)
        command = accounts.account_limits(await known(caller, services), name, named)
        return await done(caller, services, structs.replace(command, cl_ord_id=data.client_id))

    @put("/accounts/{name:str}/position-limits/{asset:str}")
    async def position_limit(
        self, name: str, asset: str, data: PositionLimitWanted, caller: Caller, services: Services
    ) -> Done:
        """Limit what an account may own of an asset. What it owns already, and its open orders, stay."""
        account_of(caller, services, name)
        command = accounts.position_limit(await known(caller, services), name, asset, data.most)
        return await done(caller, services, structs.replace(command, cl_ord_id=data.client_id))

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

    @post("/registrations/{name:str}/approve", status_code=201)
    async def approve(self, name: str, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Let who has registered trade: the account's kill switch is turned off."""
        directory = await known(caller, services)
        account = account_of(caller, services, name)
        if account not in directory.unapproved:
            raise not_found("No such account has registered and waits.", "name")
        command = KillSwitch(cl_ord_id=data.client_id, target=account, scope=KillScope.ACCOUNT, is_on=0)
        return await done(caller, services, command)


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
