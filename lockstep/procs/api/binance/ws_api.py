"""The WebSocket API: many requests on one connection, each answered when it is done, and user streams beside them.

Requests of a connection reach the log in the order in which they came. A client that does not read what it is sent, or
sends more than is answered, is read no further, or cut off where events would be lost.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import partial

import msgspec

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.schema.enums import KeyKind
from lockstep.procs.api.asgi import Receive, Send
from lockstep.procs.api.binance import user_events, ws_requests
from lockstep.procs.api.binance.answers import MILLISECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.errors import ApiError, Number, internal, missing, outcome_unknown, subscription_active
from lockstep.procs.api.binance.listen_keys import ListenKeys
from lockstep.procs.api.binance.logons import Logons
from lockstep.procs.api.binance.rate_limits import order_rows, weight_rows
from lockstep.procs.api.binance.routes import WS, Route, Scope, Security
from lockstep.procs.api.binance.signatures import check_time, not_permitted
from lockstep.procs.api.binance.stream_rights import Right, StreamRights
from lockstep.procs.api.binance.user_stream import UserStream
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.keys import ApiKey
from lockstep.procs.api.outbox import POLICY_VIOLATION, Link, Outbox, converse
from lockstep.procs.api.requests import UnknownOutcome

MOST_UNDER_WAY = 2000  # requests of a connection that are not answered
GO_ON_AT = MOST_UNDER_WAY // 2  # when there were too many
LOG_ON = frozenset({"session_logon", "user_subscribe_signed"})
MOST_LARGE = 16  # of these that may have long answers: from the question until the answer is sent


class WsApi:
    """The entry for `/ws-api/v3`."""

    def __init__(self, dialect: Dialect, desk: Desk, listen_keys: ListenKeys) -> None:
        self.dialect = dialect
        self.desk = desk
        self.rights = StreamRights(desk, dialect.now_ns)
        self.logons = Logons()
        self.weight_rows = weight_rows(dialect.limits.weights)
        self._listen_keys = listen_keys
        self._goodbyes: set[Callable[[], None]] = set()  # one for each connection that is open

    def say_goodbye(self) -> None:
        """The venue stops: `serverShutdown` is the last event of every connection."""
        for say in list(self._goodbyes):
            say()

    async def serve(
        self, receive: Receive, send: Send, address: str, link: Link | None = None, query: bytes = b""
    ) -> None:
        """Serve one connection until either side ends it; `query` is that of its URL."""
        terms = ws_requests.terms_of(query)
        if terms is None:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await send({"type": "websocket.accept"})
        outbox = Outbox(send, link)
        connection = Connection(self, outbox, address, link, terms)
        if link is not None:
            link.give(connection)
        self._goodbyes.add(connection.say_goodbye)
        try:
            await converse(receive, send, outbox, connection.take_in_turn)
        finally:
            self._goodbyes.remove(connection.say_goodbye)
            connection.close()

    async def serve_stream(
        self, receive: Receive, send: Send, listen_key: bytes, combined: bool, link: Link | None = None
    ) -> None:
        """Serve an account's stream by its listen key, until either side ends it or the listen key does."""
        key = self._listen_keys.find(listen_key, self.dialect.now_ns())
        if key is None:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await send({"type": "websocket.accept"})
        outbox = Outbox(send, link)

        def put(event: bytes) -> None:
            outbox.put(user_events.combined(listen_key, event) if combined else event)

        def holds() -> bool:
            return self._listen_keys.find(listen_key, self.dialect.now_ns()) is not None

        def tell(event: bytes) -> None:
            if holds():
                put(event)
            else:
                end()

        def end() -> None:
            stream.close()
            if not outbox.is_over.is_set():
                put(user_events.listen_key_expired(listen_key, self.dialect.now_ns(), MILLISECOND))
                outbox.is_over.set()

        def say_goodbye() -> None:
            event = user_events.server_shutdown(self.dialect.now_ns(), MILLISECOND)
            outbox.put(user_events.combined(b"!serverShutdown", event) if combined else event)

        stream = UserStream(self.dialect.shown, key.account, MILLISECOND, self.dialect.now_ns, tell)
        self.rights.watch(stream, holds, end)
        self._goodbyes.add(say_goodbye)
        try:
            await converse(receive, send, outbox, partial(_answer_request, outbox))
        finally:
            self._goodbyes.remove(say_goodbye)
            self.rights.leave(stream)
            stream.close()


async def _answer_request(outbox: Outbox, message: bytes) -> None:
    """A request on an account's stream, which has no others: it is told that there is nothing to change."""
    try:
        asked = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError):
        return
    outbox.put(b'{"result":null,"id":' + bytes(asked.get("id", b"null")) + b"}")


class Connection:
    """One client: who it is logged on as, its requests under way, and its subscriptions."""

    def __init__(self, api: WsApi, outbox: Outbox, address: str, link: Link | None, terms: ws_requests.Terms) -> None:
        self._dialect = api.dialect
        self._terms = terms
        self._unit = terms.unit
        self._desk = api.desk
        self.outbox = outbox
        self._address = address
        self._link = link
        self._connected = self._dialect.now_ns() // self._unit
        self._rights = api.rights
        self._logons = api.logons
        self._weight_rows = api.weight_rows
        self._identity = object()  # which stays when the connection has gone
        self._session: Right | None = None  # by which it is logged on
        self._logged_on: int | None = None
        self._streams: dict[int, UserStream] = {}
        self._last_stream = -1
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._holds = False  # it is full, or was and has not enough room yet
        self._freed = asyncio.Event()
        self._large = asyncio.Semaphore(MOST_LARGE)

    def close(self) -> None:
        """The connection is gone: what is under way may still be carried out."""
        for stream in self._streams.values():
            self._rights.leave(stream)
            stream.close()

    def say_goodbye(self) -> None:
        """Tell the client that the venue stops."""
        self.outbox.put(b'{"event":%s}' % user_events.server_shutdown(self._dialect.now_ns(), self._unit))

    def is_full(self) -> bool:
        """Whether so many requests are under way that the next one waits."""
        self._holds = self._under_way >= MOST_UNDER_WAY
        return self._holds

    async def take_in_turn(self, message: bytes) -> None:
        """Begin with a message when there is room."""
        while self.is_full():
            self._freed.clear()
            await self._freed.wait()
        self.take(message)

    def take(self, message: bytes) -> None:
        """Begin with a message; `is_full` came before."""
        self._under_way += 1
        try:
            request = ws_requests.read(message, self._terms.returns_limits)
        except ws_requests.RequestError as error:
            self._tell(ws_requests.error_answer(error.id, error.error))
            return
        if request.route.name in self._dialect.begins:
            self._begin(request)
        else:
            task = asyncio.create_task(self._answer(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _tell(self, answer: bytes, done: Callable[[], None] = lambda: None) -> None:
        """The answer to a request, which is not under way any more."""
        self._under_way -= 1
        self.outbox.put(answer, done)
        if self._holds and self._under_way <= GO_ON_AT:
            self._holds = False
            self._freed.set()
            if self._link is not None:
                self._link.go_on()

    def _begin(self, request: ws_requests.Request) -> None:
        """Send an order, or a cancel: no task waits for its outcome."""
        limits = None
        try:
            limits = self._weigh(request)
            request.parameters.expect(request.route.parameters)
            call = self._call(request)
            order = self._dialect.begins[request.route.name](call)
        except Exception as error:
            self._tell(self._refused(request, error, limits))
            return
        limits = self._with_orders(request, call, limits)

        def over() -> None:
            try:
                answer = ws_requests.answer(request.id, self._dialect.answer_of(order), limits)
            except Exception as error:
                answer = self._refused(request, error, limits)
            self._tell(answer)

        order.request.then = over

    async def _answer(self, request: ws_requests.Request) -> None:
        if request.route.scope is Scope.TRADE or self._own(request) is not None:
            self._tell(await self._answered_with(request))
            return
        await self._large.acquire()  # until it is sent: who asks and does not read has few long answers waiting
        self._tell(await self._answered_with(request), self._large.release)

    def _weigh(self, request: ws_requests.Request) -> bytes | None:
        """Count a request; the rows of its rateLimits, where it wants them. ApiError."""
        used = self._dialect.weigh(request.route, request.parameters, self._address)
        return self._weight_rows % used if request.returns_limits else None

    async def _answered_with(self, request: ws_requests.Request) -> bytes:
        """The answer, whatever it is."""
        limits = None
        try:
            limits = self._weigh(request)
            request.parameters.expect(request.route.parameters)
            call = self._call(request)
            result = await self._result(request, call)
            return ws_requests.answer(request.id, result, self._with_orders(request, call, limits))
        except Exception as error:
            return self._refused(request, error, limits)

    def _with_orders(self, request: ws_requests.Request, call: Call, limits: bytes | None) -> bytes | None:
        """The rows of rateLimits, with those of new orders where the request placed some."""
        if limits is None or not request.route.orders:
            return limits
        rows = order_rows(self._dialect.limits.orders, self._dialect.count_orders(call.account))
        return b"%s,%s" % (msgspec.json.encode(rows)[:-1], limits[1:])

    def _own(self, request: ws_requests.Request) -> Callable[[Call], bytes] | None:
        """What answers here: about the connection itself."""
        return getattr(self, f"_{request.route.name}", None)

    async def _result(self, request: ws_requests.Request, call: Call) -> bytes:
        own = self._own(request)
        if own is not None:
            answer = own(call)
            if request.route is WS["session.logout"]:
                await self._sequenced()
            return answer
        return await self._dialect.answer(request.route, call)

    async def _sequenced(self) -> None:
        """Wait until the router has judged what was sent: nothing of it is accepted after the answer. ApiError."""
        try:
            await self._desk.commands.sequenced()
        except UnknownOutcome:
            raise outcome_unknown() from None

    def _call(self, request: ws_requests.Request) -> Call:
        """Who asks: by a signature, or as who is logged on; either way within the request's window. ApiError."""
        route, sent = request.route, request.parameters
        named = sent.get(b"apiKey")
        if route.security is Security.NONE or named is not None or self._session is None:
            call = self._dialect.admit(route, sent, named, self._address, self._unit)
            if call.verified is not None and route.scope is not Scope.TRADE:
                self._logons.use(call, self._identity, logs_on=route.name in LOG_ON)
            return call
        now_ns = self._dialect.now_ns()
        if route.security is Security.SIGNED:
            check_time(sent, now_ns // 1000)
        return Call(sent, self._session_key(route, now_ns), self._unit, now_ns, None, self._session)

    def _session_key(self, route: Route, now_ns: int) -> ApiKey:
        """The key that the connection is logged on by, if it may do what the route needs. ApiError."""
        if self._session is None:
            raise not_permitted()
        if not self._rights.holds(self._session):
            self._log_out()
            raise not_permitted()
        return self._dialect.known_key(self._session.key, route, self._address, now_ns)

    def _log_out(self) -> None:
        """Log the connection out and end the streams of its account."""
        session, self._session, self._logged_on = self._session, None, None
        if session is not None:
            session.is_over = True
            for number in [each for each, stream in self._streams.items() if stream.account == session.account]:
                self._end_stream(number)

    def _session_logon(self, call: Call) -> bytes:
        if call.verified is None:
            raise missing("signature")
        assert call.api_key is not None
        if call.api_key.kind == KeyKind.RSA:
            raise ApiError(400, Number.KEY_KIND, "RSA API key is not supported.")
        self._session = self._rights.of(call.api_key)
        self._logged_on = call.now_ns // self._unit
        return self._session_status(call)

    def _session_status(self, call: Call) -> bytes:
        if self._session is not None and not self._rights.holds(self._session):
            self._log_out()
        name = self._session.key.decode() if self._session is not None else None
        return ws_requests.session_answer(
            name, self._logged_on, self._connected, call.now_ns // self._unit,
            returns_limits=self._terms.returns_limits, has_streams=bool(self._streams),
        )  # fmt: skip

    def _session_logout(self, call: Call) -> bytes:
        self._log_out()
        return self._session_status(call)

    def _session_subscriptions(self, _: Call) -> bytes:
        return ws_requests.subscriptions_answer(self._streams)

    def _user_subscribe(self, call: Call) -> bytes:
        return self._subscribed(self._session_key(WS["userDataStream.subscribe"], call.now_ns))

    def _user_subscribe_signed(self, call: Call) -> bytes:
        assert call.api_key is not None
        return self._subscribed(call.api_key)

    def _subscribed(self, key: ApiKey) -> bytes:
        if any(stream.account == key.account for stream in self._streams.values()):
            raise subscription_active()
        self._last_stream = number = self._last_stream + 1
        right = self._rights.of(key)

        def tell(event: bytes) -> None:
            if self._rights.holds(right):
                self.outbox.put(user_events.subscribed(number, event))
            else:
                self._end_stream(number)

        stream = UserStream(self._dialect.shown, key.account, self._unit, self._dialect.now_ns, tell)
        self._streams[number] = stream
        self._rights.watch(stream, lambda: self._rights.holds(right), lambda: self._end_stream(number))
        return b'{"subscriptionId":%d}' % number

    def _user_unsubscribe(self, call: Call) -> bytes:
        wanted = call.sent.integer(b"subscriptionId", 0, 2**31)
        for number in [wanted] if wanted is not None else list(self._streams):
            self._end_stream(number)
        return b"{}"

    def _end_stream(self, number: int) -> None:
        """End a subscription, if there is one with this number: `eventStreamTerminated` is its last event."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._rights.leave(stream)
            stream.close()
            ended = user_events.stream_terminated(self._dialect.now_ns(), self._unit)
            self.outbox.put(user_events.subscribed(number, ended))

    def _refused(self, request: ws_requests.Request, error: Exception, limits: bytes | None) -> bytes:
        """The error that a client gets whose request is refused, or met a bug."""
        now_ms = self._dialect.now_ns() // MILLISECOND
        if isinstance(error, ApiError):
            return ws_requests.error_answer(request.id, error, limits, now_ms)
        log.error("request_failed", route=request.route.name, trace="".join(traceback.format_exception(error)))
        return ws_requests.error_answer(request.id, internal(), limits)
