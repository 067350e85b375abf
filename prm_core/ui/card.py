"""What a chat or a search engine shows for a link to the page.

Gradio writes its own name and a picture from another host into the page, twice. They are replaced
by ours in the response; the picture comes from this server.
"""

from __future__ import annotations

import re
from html import escape

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prm_core.paths import assets_dir

TITLE = "PRM Inspector: which step went wrong?"
DESCRIPTION = (
    "Paste a problem and several solutions: a process reward model judges every step, shows the "
    "first error, and ranks the solutions."
)
FAVICON = assets_dir() / "page" / "favicon.svg"

_PICTURE = "card.png"
_THEIRS = re.compile(
    r'<meta\s+(?:property|name)="(?:og|twitter):[a-z]+"\s+content="[^"]*"\s*/>', re.IGNORECASE
)


def _tags(address: str) -> str:
    """Our tags; pictures need a whole address."""
    content = {
        "og:type": "website",
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:url": address,
        "og:image": address + _PICTURE,
        "twitter:card": "summary_large_image",
    }
    tags = "".join(
        f'<meta property="{name}" content="{escape(text)}">' for name, text in content.items()
    )
    return tags + f'<meta name="description" content="{escape(DESCRIPTION)}">'


def with_card(page: str, address: str) -> str:
    """A page with our tags in place of Gradio's.

    Args:
        page: HTML as Gradio makes it.
        address: the page's own, with a trailing slash.
    """
    return _THEIRS.sub("", page).replace("<head>", "<head>" + _tags(address), 1)


def _address(scope: Scope) -> str:
    """The page's address as its visitor sees it, also behind a proxy that handles TLS."""
    request = Request(scope)
    proto = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    return str(request.base_url.replace(scheme="https" if proto == "https" else request.url.scheme))


class Card:
    """ASGI middleware that puts our tags into the page at `/`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and rewrite the one page."""
        if scope["type"] != "http" or scope["path"] not in ("", "/"):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = MutableHeaders(raw=start["headers"])
            if headers.get("content-type", "").startswith("text/html") and body:
                body = with_card(body.decode(), _address(scope)).encode()
                headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, hold)


async def _picture(request: Request) -> FileResponse:
    return FileResponse(assets_dir() / _PICTURE)


picture_route = Route(f"/{_PICTURE}", _picture)
