"""The playground's web application: one page, and one address that answers a picture.

It is made for the machine it runs on. Requests that name another host, or come from another page, are refused, so that
no page elsewhere in the browser can use it (DNS rebinding, cross-site requests); a picture's bytes, the time that it
may take and the pictures that wait are bounded; nothing that was sent is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deepenough.errors import InputError

HOSTS = ("127.0.0.1", "localhost")
_ASSETS = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "kinds.js": "text/javascript",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one visitor may ask for.

    Args:
        bytes: of one picture.
        arrive_s: seconds in which it must have arrived.
        answer_s: seconds after which an answer is no longer waited for.
        waiting: pictures that may be under way at a time, the one that is answered among them.
    """

    bytes: int = 20 * 2**20
    arrive_s: float = 30.0
    answer_s: float = 120.0
    waiting: int = 4


class _Refusal(Exception):  # noqa: N818  what was refused is told to the visitor; nothing went wrong
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


def playground(facts: Mapping[str, Any], answer: Callable[[bytes], Any], limits: Limits | None = None) -> Starlette:
    """The application.

    Args:
        facts: what the page shows before any picture, in plain values that JSON can hold.
        answer: called with a picture's bytes in a thread, one at a time; returns plain values, or raises an
            `InputError` for bytes that are no picture, whose words the visitor sees.
        limits: on what may be sent.
    """
    limits = limits or Limits()
    desk = _Desk(answer, limits)
    told = {**facts, "limits": {"bytes": limits.bytes}}

    async def tell(_request: Request) -> Response:
        return JSONResponse(told, headers=_HEADERS)

    async def take(request: Request) -> Response:
        try:
            return JSONResponse(await desk.serve(request), headers=_HEADERS)
        except _Refusal as refusal:
            # the rest of a body that is too large is not read, so the connection cannot be used again
            return JSONResponse({"refused": refusal.said}, refusal.status, headers={**_HEADERS, "Connection": "close"})

    return Starlette(
        routes=[
            Route("/", _asset("page.html")),
            *(Route(f"/{name}", _asset(name)) for name in _ASSETS if name != "page.html"),
            Route("/facts", tell),
            Route("/answer", take, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)],
    )


class _Desk:
    """Takes one picture after another."""

    def __init__(self, answer: Callable[[bytes], Any], limits: Limits) -> None:
        self._answer, self._limits = answer, limits
        self._under_way = 0
        self._turn = asyncio.Lock()

    async def serve(self, request: Request) -> Any:  # noqa: ANN401  whatever the answer is
        _require_own_page(request)
        if self._under_way >= self._limits.waiting:
            raise _Refusal(429, f"{self._under_way} pictures are waiting already; try again when they are answered")
        self._under_way += 1
        try:
            encoded = await self._body(request)
            async with asyncio.timeout(self._limits.answer_s), self._turn:
                return await run_in_threadpool(self._answer, encoded)
        except InputError as error:
            raise _Refusal(422, str(error)) from None
        except TimeoutError:
            raise _Refusal(503, f"no answer within {self._limits.answer_s:.0f} s; try a smaller picture") from None
        finally:
            self._under_way -= 1

    async def _body(self, request: Request) -> bytes:
        most = self._limits.bytes
        said = f"a picture may have {most / 2**20:.0f} MB at most; send a smaller one"
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            raise _Refusal(413, said)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.arrive_s):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise _Refusal(413, said)
                    parts.append(part)
        except TimeoutError:
            raise _Refusal(408, f"the picture did not arrive within {self._limits.arrive_s:.0f} s") from None
        except ClientDisconnect:
            raise _Refusal(400, "the connection ended before the picture had arrived") from None
        return b"".join(parts)


def _require_own_page(request: Request) -> None:
    """Refuse what another page of the browser sends; a program that sends no origin is its user's own."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
        raise _Refusal(403, f"pictures are taken from this page only, not from {origin}")


def _asset(name: str) -> Callable[[Request], Response]:
    def serve(_request: Request) -> Response:
        return Response(_read(name), media_type=_ASSETS[name], headers=_HEADERS)

    return serve


@cache
def _read(name: str) -> bytes:
    return resources.files("deepenough.serving.playground").joinpath("assets", name).read_bytes()
