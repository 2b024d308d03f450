"""The headers of every answer of the page: what a browser may load, and who may see the address."""

from collections.abc import Awaitable, Callable

from aiohttp import web

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Adds the headers to every answer, also to a refusal of aiohttp's."""
    try:
        answer = await handler(request)
    except web.HTTPException as refused:
        # Without aiohttp's text, which repeats a part of the request.
        answer = web.Response(status=refused.status, text="" if refused.status < 400 else refused.reason)
    answer.headers.update(HEADERS)
    return answer
