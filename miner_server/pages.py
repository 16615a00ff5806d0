"""Pages on which people read the OpenAPI document: Swagger UI and Redoc, whose files come with a package.

The browser is told to load nothing from anywhere else. The files are those that `fastapi-offline` carries; nothing of
it is imported.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from engine.transport.dialect import Response
from engine.transport.errors import Refusal

PACKAGE = "fastapi_offline"

ASSETS = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "redoc.standalone.js": b"text/javascript; charset=utf-8",
}
"""The files that the pages load, by name, with their media types."""

_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"worker-src 'self' blob:; frame-ancestors 'none'"
)
_HEADERS = ((b"content-security-policy", _POLICY), (b"x-content-type-options", b"nosniff"))

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Miner</title>{head}</head>
<body>{body}</body>
</html>
"""
SWAGGER = _PAGE.format(
    head='<link rel="stylesheet" href="docs/swagger-ui.css">',
    body='<div id="ui"></div><script src="docs/swagger-ui-bundle.js"></script>'
    '<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#ui"})</script>',
)
REDOC = _PAGE.format(
    head="<style>body { margin: 0 }</style>",
    body='<redoc spec-url="openapi.json"></redoc><script src="docs/redoc.standalone.js"></script>',
)


def page(html: str) -> Response:
    """An HTML page as a response that may only load what comes from here."""
    return Response(html.encode(), b"text/html; charset=utf-8", _HEADERS)


@cache
def asset(name: str) -> Response:
    """One of `ASSETS`. Raises Refusal 404 where the package is missing."""
    folder = _folder()
    if folder is None:
        raise Refusal(404, f"this page needs the package {PACKAGE.replace('_', '-')}: install it")
    return Response((folder / name).read_bytes(), ASSETS[name], (*_HEADERS, (b"cache-control", b"max-age=86400")))


@cache
def _folder() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "static" if spec is not None and spec.origin else None
