"""Links in the text as read: found, and judged by their host and by what they fetch.

Known hosts stand in `data/links/known.txt`, brands that are imitated in `brands.txt`. Nothing is
ever fetched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from moderation.datafiles import DATA, read_text


class Verdict(Enum):
    """What a link is, from harmless to worst."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    PROGRAM = "program"
    LOOKALIKE = "lookalike"


@dataclass(frozen=True, slots=True)
class Link:
    """A link at `[start, end)` of the text; `host` is lower case without port."""

    start: int
    end: int
    host: str
    path: str


_LINK = re.compile(
    r"(?:(?P<scheme>https?|ftp)://)?(?<![a-z0-9@.])"
    r"(?P<host>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?P<top>[a-z]{2,12}))"
    r"(?![a-z0-9@])(?::\d{2,5})?(?P<path>/[a-z0-9/_.?=&%#~+:-]*)?"
)
_PROGRAM = re.compile(r"\.(?:apk|exe|scr|bat|msi|vbs|ipa|dmg|jar)(?![a-z0-9])")
_FILE_NAMES = frozenset(
    "pdf doc docx xls xlsx ppt pptx txt csv jpg jpeg png gif mp4 mp3 zip rar dwg dxf psd py js java "
    "cpp md json xml yml yaml sql log sh conf ini html css vue ts go exe apk msi bat scr dmg".split()
)
_SIMILAR_SIGNS = str.maketrans("0135", "oles")
_SHORTENERS = frozenset(read_text(DATA / "links" / "shorteners.txt").split())


def find(text: str, low: int = 0, high: int = sys.maxsize) -> Iterator[Link]:
    """Yield the links in `[low, high)` of a text.

    File names such as `report.pdf` are none unless a scheme stands before.
    """
    for match in _LINK.finditer(text, low, high):
        if match["scheme"] or match["top"] not in _FILE_NAMES:
            yield Link(match.start(), match.end(), match["host"], match["path"] or "")


def judge(link: Link) -> Verdict:
    """Return what a link is by its host and path alone."""
    host = link.host
    if is_known(host):
        return Verdict.KNOWN
    if _imitates(host):
        return Verdict.LOOKALIKE
    return Verdict.PROGRAM if _PROGRAM.search(link.path) else Verdict.UNKNOWN


def is_known(host: str) -> bool:
    """Return whether a host or one of its parents is on the list of known hosts."""
    labels = host.split(".")
    return host not in _SHORTENERS and any(
        ".".join(labels[cut:]) in _KNOWN for cut in range(len(labels) - 1)
    )


def _imitates(host: str) -> bool:
    """Return whether a brand's name, or one sign away from it, stands in a host that is not the brand's."""
    parts = [part for label in host.split(".")[:-1] for part in label.split("-")]
    for part in parts:
        plain = part.translate(_SIMILAR_SIGNS).replace("rn", "m").replace("vv", "w")
        if plain in _BRANDS or (len(part) >= 5 and any(_one_edit(part, b) for b in _LONG_BRANDS)):
            return True
    return False


def _one_edit(one: str, other: str) -> bool:
    """Return whether two names differ by one replaced, added, missing or swapped letter."""
    if abs(len(one) - len(other)) > 1:
        return False
    head = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if head is None:
        return len(one) != len(other)
    a, b = one[head:], other[head:]
    swapped = len(a) > 1 and len(b) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped


_KNOWN = frozenset(read_text(DATA / "links" / "known.txt").split())
_BRANDS = frozenset(read_text(DATA / "links" / "brands.txt").split())
_LONG_BRANDS = tuple(brand for brand in _BRANDS if len(brand) >= 6)
