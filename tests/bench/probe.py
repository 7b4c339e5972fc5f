"""`moderation` with one more path, `/bench/modules`: which heavy packages the server has imported.

Run as `python -m tests.bench.probe serve …`.
"""

from __future__ import annotations

import sys

from fastapi import FastAPI

import service.app
from service import cli
from service.settings import Settings

HEAVY = ("sklearn", "scipy", "pandas", "jieba", "numba")
_create_app = service.app.create_app


def with_probe(settings: Settings | None = None) -> FastAPI:
    """Return the product's application with the path added."""
    app = _create_app(settings)
    app.add_api_route("/bench/modules", modules)
    return app


async def modules() -> list[str]:
    """Name the heavy packages imported so far."""
    return [name for name in HEAVY if name in sys.modules]


if __name__ == "__main__":
    service.app.create_app = with_probe
    cli.main()
