"""The key that a bot sends as `X-API-Key`."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from fastapi import Request
from fastapi.security import APIKeyHeader

from service.problems import ProblemError
from service.settings import Settings

KEY_FILE = "api_key"
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The bot's key")


def api_key(settings: Settings) -> str:
    """Return the key set, else the one kept in the data folder, made at the first start."""
    if settings.api_key:
        return settings.api_key
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _write_private(path, f"mod_{secrets.token_urlsafe(24)}\n")
    return path.read_text(encoding="utf-8").strip()


async def require_key(request: Request) -> None:
    """Refuse a request without the right key."""
    given = request.headers.get("x-api-key", "")
    if not hmac.compare_digest(given.encode(), request.app.state.api_key):
        raise ProblemError(401, "Unauthorized", "X-API-Key is missing or wrong")


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
