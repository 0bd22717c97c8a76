"""`/v1` and `/docs` as one ASGI application: which rooms answer, and what all answers have in common.

Making it takes half a second, so that happens beside the event loop, when it is asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
from litestar import Litestar, MediaType, Request, Response, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from lockstep.procs.api.asgi import ONLY_TLS, Asgi, Receive, Scope, Send, has_tls
from lockstep.procs.api.v1 import docs
from lockstep.procs.api.v1.account import AccountController
from lockstep.procs.api.v1.auth import AuthController
from lockstep.procs.api.v1.caller import Services, address_of, caller_of
from lockstep.procs.api.v1.cancel_after import CancelAfterController
from lockstep.procs.api.v1.description import described
from lockstep.procs.api.v1.keys import KeysController
from lockstep.procs.api.v1.market import MarketController
from lockstep.procs.api.v1.operators.accounts import AccountsController
from lockstep.procs.api.v1.operators.instruments import InstrumentsController
from lockstep.procs.api.v1.operators.money import MoneyController
from lockstep.procs.api.v1.operators.operations import handlers
from lockstep.procs.api.v1.operators.proposals import ProposalsController
from lockstep.procs.api.v1.operators.trades import TradesController
from lockstep.procs.api.v1.operators.venue import VenueController
from lockstep.procs.api.v1.orders import OrdersController
from lockstep.procs.api.v1.password_resets import PasswordResetController, ResetByCodeController
from lockstep.procs.api.v1.portfolio import PortfolioController
from lockstep.procs.api.v1.portfolio_history import PortfolioHistoryController
from lockstep.procs.api.v1.problems import answer
from lockstep.procs.api.v1.statements import StatementsController
from lockstep.procs.api.v1.streams import Streams
from lockstep.procs.api.v1.withdrawals import WithdrawalsController

VERSION = "1"
DESCRIPTION = (
    "The venue's own REST API. Log in at /v1/auth/login and send the access token as Authorization: Bearer …. Programs "
    "that sign with API keys use /api/v3, in the dialect of Binance Spot."
)
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}
CONTROLLERS: list[Any] = [
    AuthController, KeysController, AccountController, OrdersController, MarketController, PortfolioController,
    PortfolioHistoryController, StatementsController, WithdrawalsController, AccountsController,
    InstrumentsController, MoneyController, ProposalsController, TradesController, VenueController,
    CancelAfterController, PasswordResetController, ResetByCodeController,
]  # fmt: skip


class Page(OpenAPIRenderPlugin):
    """Litestar's place for a page made of the description: ours."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        return docs.page(openapi_schema).encode()


@get("/docs/style.css", include_in_schema=False, sync_to_thread=False)
def style() -> Response[str]:
    """What the page looks like."""
    return Response(docs.STYLE, media_type="text/css")


@get("/v1/openapi.json", include_in_schema=False, sync_to_thread=False)
def description(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The description itself."""
    return Response(request.app.state.description, media_type=MediaType.JSON)


def application(services: Services) -> Asgi:
    """What answers /v1 and /docs."""
    made = _made(services.config.venue.name, has_tls(services.config.api), lambda: services)
    # Now, beside the event loop, and not when somebody asks: it takes longer than orders are to wait.
    made.state.description = _description(made)
    streams = Streams(services)

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await streams.serve(receive, send, scope["client"][0])
        else:
            await cast(Asgi, made)(scope, receive, send)

    return asked


def description_alone() -> bytes:
    """The description of a venue that does not run, as JSON: types are made from it."""

    def nobody() -> Services:
        raise RuntimeError("this application describes itself, and answers nothing")

    return _description(_made("Lockstep", False, nobody))


def _made(name: str, is_tls: bool, services: Callable[[], Services]) -> Litestar:
    async def weigh(request: Request[Any, Any, Any]) -> None:
        its = services()
        its.limits.weights.take(address_of(request), 1, its.monotonic())

    return Litestar(
        route_handlers=[*CONTROLLERS, *handlers(), description, style],
        dependencies={
            "services": Provide(services, sync_to_thread=False),
            "caller": Provide(caller_of),
        },
        before_request=weigh,
        exception_handlers={Exception: answer},
        response_headers=HEADERS | ({ONLY_TLS[0].decode(): ONLY_TLS[1].decode()} if is_tls else {}),
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title=f"{name}: /v1",
            version=VERSION,
            description=DESCRIPTION,
            path="/docs",
            use_handler_docstrings=True,
            render_plugins=[Page(path="/"), JsonRenderPlugin(path="/openapi.json", media_type=MediaType.JSON)],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
        ),
    )


def _description(made: Litestar) -> bytes:
    schema = cast(Any, made.plugins.get("OpenAPIPlugin")).provide_openapi_schema()
    return msgspec.json.encode(described(schema))
