"""Answers about an account: balances, commissions, currencies and what its key may do, as Binance's JSON.

It writes what it is given; who may see it is decided before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockstep.core.schema.decimals import decimal
from lockstep.procs.api.read.views import BalanceView, SymbolView

PPM_SCALE = 6
PPM_PER_BPS = 100
ZERO = decimal(0, 0)


def rate(ppm: int) -> str:
    return decimal(ppm, PPM_SCALE)


def _rates(maker_ppm: int, taker_ppm: int) -> dict[str, str]:
    return {"maker": rate(maker_ppm), "taker": rate(taker_ppm), "buyer": ZERO, "seller": ZERO}


def _balance(view: BalanceView) -> dict[str, str]:
    return {
        "asset": view.asset.decode(),
        "free": decimal(view.free, view.scale),
        "locked": decimal(view.held, view.scale),
    }


def account_answer(
    balances: Iterable[BalanceView],
    *,
    maker_ppm: int,
    taker_ppm: int,
    can_trade: bool,
    can_withdraw: bool,
    updated: int,
    uid: int,
    omits_zero: bool = False,
) -> bytes:
    """GET account. Fees are the account's, or those of most instruments; `updated` is in the answer's unit of time."""
    rows = [_balance(view) for view in balances if not omits_zero or view.free or view.held]
    return msgspec.json.encode(
        {
            "makerCommission": maker_ppm // PPM_PER_BPS,
            "takerCommission": taker_ppm // PPM_PER_BPS,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": _rates(maker_ppm, taker_ppm),
            "canTrade": can_trade,
            "canWithdraw": can_withdraw,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": updated,
            "accountType": "SPOT",
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": uid,
        }
    )


Rates = tuple[int, int]  # of a fee tier, in ppm: maker, taker


def commission_fields(view: SymbolView, tier: Rates | None) -> dict[str, Any]:
    """GET account/commission, and what order/test says with computeCommissionRates; without a tier, the symbol's."""
    nothing = _rates(0, 0)
    return {
        "symbol": view.symbol.decode(),
        "standardCommission": _rates(*(tier or (view.maker_fee_ppm, view.taker_fee_ppm))),
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": view.quote.decode(),
            "discount": ZERO,
        },
    }


def commission_answer(view: SymbolView, tier: Rates | None) -> bytes:
    return msgspec.json.encode(commission_fields(view, tier))


def order_test_answer(view: SymbolView | None) -> bytes:
    """POST order/test of a good order: `{}`, or its commission rates where they were asked for."""
    if view is None:
        return b"{}"
    fields = commission_fields(view, None)
    return msgspec.json.encode(
        {
            "standardCommissionForOrder": {key: fields["standardCommission"][key] for key in ("maker", "taker")},
            "specialCommissionForOrder": {key: fields["specialCommission"][key] for key in ("maker", "taker")},
            "taxCommissionForOrder": {key: fields["taxCommission"][key] for key in ("maker", "taker")},
            "discount": fields["discount"],
        }
    )


def trade_fee_answer(views: Iterable[SymbolView], tier: Rates | None) -> bytes:
    """GET /sapi/v1/asset/tradeFee; without a tier, the symbols'."""
    return msgspec.json.encode(
        [
            {
                "symbol": view.symbol.decode(),
                "makerCommission": rate(maker_ppm),
                "takerCommission": rate(taker_ppm),
            }
            for view in views
            for maker_ppm, taker_ppm in (tier or (view.maker_fee_ppm, view.taker_fee_ppm),)
        ]
    )


def currencies_answer(balances: Iterable[BalanceView]) -> bytes:
    """GET /sapi/v1/capital/config/getall: every asset, and what of it the account has. There are no networks."""
    return msgspec.json.encode(
        [
            {
                "coin": view.asset.decode(),
                "name": view.asset.decode(),
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "trading": True,
                "isLegalMoney": False,
                "free": decimal(view.free, view.scale),
                "locked": decimal(view.held, view.scale),
                "freeze": ZERO,
                "ipoable": ZERO,
                "ipoing": ZERO,
                "storage": ZERO,
                "withdrawing": ZERO,
                "networkList": [],
            }
            for view in balances
        ]
    )


def key_restrictions_answer(*, created: int, by_address: bool, trades: bool, withdraws: bool) -> bytes:
    """GET /sapi/v1/account/apiRestrictions: what the key that signed may do."""
    return msgspec.json.encode(
        {
            "ipRestrict": by_address,
            "createTime": created,
            "enableReading": True,
            "enableSpotAndMarginTrading": trades,
            "enableWithdrawals": withdraws,
            "enableInternalTransfer": False,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "enableVanillaOptions": False,
            "enablePortfolioMarginTrading": False,
            "enableFixApiTrade": trades,
            "enableFixReadOnly": True,
        }
    )


def listen_key_answer(listen_key: str) -> bytes:
    return msgspec.json.encode({"listenKey": listen_key})


def time_answer(now: int) -> bytes:
    return b'{"serverTime":%d}' % now


SYSTEM_STATUS = msgspec.json.encode({"status": 0, "msg": "normal"})
EMPTY = b"{}"
