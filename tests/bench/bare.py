"""The yardstick of `http`: FastAPI with the service's own models and settings, and no work.

Run as `python -m tests.bench.bare`.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from moderation.types import Action
from service.schemas import ClassifyRequest, DecisionOut

FIXED = DecisionOut(
    request_id="0" * 32,
    message_id=None,
    action=Action.PASS,
    model="2026.11.23-539bf2",
    policy="suzhou-2017@sha256:000000000000",
    findings=[],
    articles=[],
    penalty=None,
    uncovered=[],
    degraded=[],
    case_id=None,
)
app = FastAPI()


@app.post("/v1/classify", response_model=DecisionOut)
async def classify(body: ClassifyRequest) -> DecisionOut:
    """Check the request, answer the same decision always."""
    return FIXED


def main() -> None:
    """Serve with the settings of `moderation serve`."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    socket = config.bind_socket()
    sys.stdout.write(f"http://127.0.0.1:{socket.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
