"""China's public holidays and the weekend days worked in their stead. The only module that imports the table.

The State Council announces each year's days shortly before it begins, so the table ends with the last
year announced when it was made. A year that it does not know has plain weekends, and that is said.
"""

from __future__ import annotations

import logging
from datetime import date

from chinese_calendar import get_holiday_detail
from chinese_calendar.constants import holidays

FIRST = min(holidays).year
"""The first year of the table; no limit that matters runs before it."""

logger = logging.getLogger(__name__)


class PublicDays:
    """Says of a day whether the state makes it a working day or a day off."""

    def __init__(self) -> None:
        self._unknown: set[int] = set()
        self._known: dict[date, bool | None] = {}

    @property
    def unknown_years(self) -> frozenset[int]:
        """Return the years asked about whose days are not known; each was logged once."""
        return frozenset(self._unknown)

    def works(self, day: date) -> bool | None:
        """Return False for a public holiday, True for a day worked in its stead, else None."""
        if day not in self._known:
            self._known[day] = self._looked_up(day)
        return self._known[day]

    def _looked_up(self, day: date) -> bool | None:
        if day.year < FIRST or day.year in self._unknown:
            return None
        try:
            is_off, name = get_holiday_detail(day)
        except NotImplementedError:
            self._unknown.add(day.year)
            logger.warning(
                "public holidays of %d are not known: time limits count its plain weekdays; "
                "list them in MODERATION_WORK_CALENDAR or renew the package chinesecalendar",
                day.year,
            )
            return None
        return None if name is None else not is_off
