"""GET /openapi.json and GET /docs: the API described for programs and for people."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from gateway.openapi import build_document, error_kinds
from gateway.openapi_page import LANGUAGES, make_chapters

if TYPE_CHECKING:
    from gateway.settings import Settings

# Written once for each address that callers know us by, of which there are few.
_KEPT_PAGES = 8


def make_routes(settings: Settings) -> Blueprint:
    """Build the routes of one document, which is written once."""
    routes = Blueprint("docs", __name__)
    document = build_document(settings)
    text = json.dumps(document, ensure_ascii=False)

    @routes.get("/openapi.json")
    def send_document() -> ResponseReturnValue:
        return _cached(Response(text, mimetype="application/json"))

    @routes.get("/docs")
    def show_docs() -> ResponseReturnValue:
        # Without a host, or with one that is no host's name, the caller is told ours.
        host = request.host or f"localhost:{settings.port}"
        return _cached(make_response(write_page(f"{request.scheme}://{host}")))

    @lru_cache(_KEPT_PAGES)
    def write_page(base_url: str) -> str:
        return render_template(
            "docs.html",
            document=document,
            chapters=make_chapters(document, settings, base_url),
            error_kinds=error_kinds(),
            languages=LANGUAGES,
            base_url=base_url,
        )

    return routes


def _cached(response: Response) -> Response:
    """Kept by the caller, who asks each time whether it is still right."""
    response.add_etag()
    response.cache_control.no_cache = True
    return response.make_conditional(request)
