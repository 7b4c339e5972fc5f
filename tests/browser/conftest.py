"""A browser, and services for it to look at: one with an invented firm's week, one with users alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from service import demo
from service.app import create_app
from service.storage import accounts
from tests.accounts import CHEAP
from tests.browser.site import PASSWORD, Site, serving

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium; without one the tests are skipped, or fail if REQUIRE_BROWSER is set."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = "no Chromium: install it, or name it by CHROMIUM"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield found
        found.close()


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the demonstration."""
    app = create_app(demo.settings(tmp_path_factory.mktemp("full")))
    demo.fill(app.state, datetime.now(UTC))
    with serving(app) as site:
        yield site


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of a service that has users and nothing else, to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    app = create_app(demo.settings(folder))
    password = CHEAP.hash(PASSWORD)
    with app.state.database.write() as connection:
        for user in demo.users():
            now, given = datetime.now(UTC), {"password": password, "roles": user.roles}
            accounts.put_user(connection, now, "test", user.name, **given)
    app.state.recorder.close()
    app.state.database.close()
    return folder


@pytest.fixture
def fresh(installed: Path, tmp_path: Path) -> Iterator[Site]:
    """Return a service that has users and nothing else, for a test to change."""
    folder = shutil.copytree(installed, tmp_path / "fresh")
    with serving(create_app(demo.settings(folder))) as site:
        yield site
