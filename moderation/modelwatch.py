"""A model that follows its alias: a new champion judges within seconds, without a restart.

It is loaded on a thread of its own while the old one goes on judging, and takes over between two
batches. One that cannot be loaded leaves the old one in force and says so in `problem`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from moderation.artifacts import Model, load_model
from moderation.errors import ModerationError
from moderation.registry import Registry

CHECK_SECONDS = 1.0


class FixedModel:
    """Holds one model for good."""

    problem: str | None = None

    def __init__(self, model: Model) -> None:
        self._model = model

    def current(self) -> Model:
        """Return the model in force."""
        return self._model


class ModelWatch(FixedModel):
    """Holds the model that an alias names, or that a fixed name does."""

    def __init__(
        self, registry: Registry, alias: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = registry
        self.alias = alias
        self._clock = clock
        self._signature = registry.signature(alias)
        super().__init__(load_model(registry.resolve(alias)))
        self._checked = clock()
        self._loading: threading.Thread | None = None

    def current(self) -> Model:
        """Return the model in force, after a look at the alias at most once a second."""
        if self._clock() - self._checked >= CHECK_SECONDS:
            self._checked = self._clock()
            self._look()
        return self._model

    def _look(self) -> None:
        signature = self.registry.signature(self.alias)
        if signature == self._signature or (self._loading and self._loading.is_alive()):
            return
        self._signature = signature
        self._loading = threading.Thread(target=self._load, name="model", daemon=True)
        self._loading.start()

    def _load(self) -> None:
        try:
            self._model = load_model(self.registry.resolve(self.alias))
            self.problem = None
        except (ModerationError, OSError) as error:
            self.problem = f"model not taken over: {error}"
