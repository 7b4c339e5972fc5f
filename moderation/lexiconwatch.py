"""A lexicon that follows its files: a changed file is in force within a second, without a restart."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from moderation.errors import DataFileError
from moderation.lexicon import SHIPPED, Lexicon, lexicon_files

CHECK_SECONDS = 1.0
REMEMBERED = 4
"""Lexicons that can still be asked for by version after others have come into force."""


class LexiconWatch:
    """Holds the lexicon in force. A broken file leaves the last good one in force and says so in `problem`."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.problem: str | None = None
        self._signature = self._look()
        self._lexicon = Lexicon.load(*folders)
        self._past: deque[Lexicon] = deque([self._lexicon], maxlen=REMEMBERED)
        self._checked = time.monotonic()

    def current(self) -> Lexicon:
        """Return the lexicon in force, after a look at the files at most once a second."""
        if time.monotonic() - self._checked >= CHECK_SECONDS:
            self._checked = time.monotonic()
            self._reload()
        return self._lexicon

    def named(self, version: str) -> Lexicon | None:
        """Return the lexicon that a decision made a moment ago names, None for one unknown."""
        return next((one for one in self._past.copy() if one.version == version), None)

    def _reload(self) -> None:
        try:
            signature = self._look()
            if signature != self._signature:
                self._lexicon = Lexicon.load(*self.folders)
                self._past.append(self._lexicon)
                self._signature = signature
            self.problem = None
        except (DataFileError, OSError) as error:
            self.problem = f"lexicon not reloaded: {error}"

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        files = lexicon_files(SHIPPED, *self.folders)
        return tuple((str(f), (s := f.stat()).st_mtime_ns, s.st_size) for f in files)


class FixedLexicon(LexiconWatch):
    """Holds one lexicon for good: to judge again as it was judged then."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.problem = None
        self._lexicon = lexicon
        self._past = deque([lexicon])

    def current(self) -> Lexicon:
        """Return the lexicon."""
        return self._lexicon
