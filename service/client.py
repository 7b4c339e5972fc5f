"""A client of the service, sync and async: typed answers, retries that never count a message twice.

with Client("http://127.0.0.1:8000", key) as client:
    decision = client.classify(Asked("代开发票，加薇", message_id="m-1", group_id="g-7"))

Every endpoint is written once, as the call it makes (`service/clientcalls.py`). Both clients make the
same calls by the same rules and differ in nothing but how they wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from service import clientcalls
from service.asked import Asked
from service.clientcalls import AnswerError, Call, ClientError, Outcome, Retries, UnreachableError

__all__ = [
    "AnswerError",
    "Asked",
    "AsyncClient",
    "Client",
    "ClientError",
    "Retries",
    "UnreachableError",
]
TIMEOUT = 10.0
"""Seconds for one try: to connect, and between two pieces of the answer."""
P = ParamSpec("P")
T = TypeVar("T")


class _Method(Generic[P, T]):
    """A call as a method: what it gives on a `Client`, it gives on an `AsyncClient` to be awaited."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self.call = call
        self.__doc__ = call.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        """Return the call bound to a client."""
        if client is None:
            return self
        return lambda *args, **given: client.ask(self.call(*args, **given))


class _Endpoints:
    """Everything that can be asked."""

    classify = _Method(clientcalls.classify)
    classify_batch = _Method(clientcalls.classify_batch)
    recall = _Method(clientcalls.recall)
    actions = _Method(clientcalls.actions)
    acknowledge = _Method(clientcalls.acknowledge)
    cases = _Method(clientcalls.cases)
    case = _Method(clientcalls.case)
    claim = _Method(clientcalls.claim)
    confirm = _Method(clientcalls.confirm)
    relabel = _Method(clientcalls.relabel)
    reject = _Method(clientcalls.reject)
    import_roster = _Method(clientcalls.import_roster)
    members = _Method(clientcalls.members)
    send_events = _Method(clientcalls.send_events)
    send_feedback = _Method(clientcalls.send_feedback)
    health = _Method(clientcalls.health)


class Client(_Endpoints):
    """Asks and waits. May be shared between threads.

    `transport` stands in for the network, as in httpx.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.retries = retries or Retries()
        headers = {"X-API-Key": key}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, call: Call[T]) -> T:
        """Make a call, again where that may help; raises `AnswerError` or `UnreachableError`."""
        attempt = 1
        while (wait := self.retries.wait(call, outcome := self._send(call), attempt)) is not None:
            time.sleep(wait)
            attempt += 1
        return call.result(outcome)

    def _send(self, call: Call[Any]) -> Outcome:
        try:
            return self._http.request(call.method, call.path, json=call.json, params=call.params)
        except httpx.TransportError as error:
            return error


class AsyncClient(_Endpoints):
    """Asks without holding up the event loop; made and used within one."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.retries = retries or Retries()
        headers = {"X-API-Key": key}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, call: Call[T]) -> T:
        """Make a call, again where that may help; raises `AnswerError` or `UnreachableError`."""
        attempt = 1
        while (
            wait := self.retries.wait(call, outcome := await self._send(call), attempt)
        ) is not None:
            await asyncio.sleep(wait)
            attempt += 1
        return call.result(outcome)

    async def _send(self, call: Call[Any]) -> Outcome:
        try:
            return await self._http.request(
                call.method, call.path, json=call.json, params=call.params
            )
        except httpx.TransportError as error:
            return error
