"""Values of a filter: strings cleaned as stored ones are, numbers, booleans, and dates, which are spans of time."""

import json
import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta

from ingestion.cleaning import clean_line
from retrieval.errors import SearchRefused

LONGEST = 1000
LARGEST = 10**30
# A date as it is stored, and as the database reads it (compiling.py); without a zone it is meant in UTC.
STORED_DATE = r"^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)?)?$"
# What a stored year or month wants to be its first day; compiling.py pads by the same.
FIRST_DAY = "-01-01"
# Where the last span that can be written ends: there is no time after it to name.
LAST = datetime.max.replace(tzinfo=UTC)
_STORED_DATE = re.compile(STORED_DATE.replace("$", r"\Z"), re.ASCII)
_YEAR = re.compile(r"\d{4}\Z", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})\Z", re.ASCII)
EXPECTED_DATE = "a date such as 2024, 2024-01, 2024-01-31 or 2024-01-31T12:00:00Z"


class FilterRefused(SearchRefused):
    """A filter that cannot be understood; the message says where and what was expected."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__("filter", f"{place}: {message}" if place else message)
        self.place = place


@dataclass(frozen=True)
class Period:
    """What a date means: a year, a month or a day is the whole of it (``end`` is outside); an instant has no end."""

    start: datetime
    end: datetime | None


def text_value(value: object, place: str) -> str:
    """A string as the index has it. Raises FilterRefused."""
    if not isinstance(value, str):
        raise FilterRefused(place, f"expected a string, not {shown(value)}.")
    if len(value) > LONGEST:
        raise FilterRefused(place, f"a value has at most {LONGEST:,} characters.")
    return clean_line(value, LONGEST)


def number_value(value: object, place: str) -> int | float:
    """A finite number of a sane size. Raises FilterRefused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FilterRefused(place, f"expected a number, not {shown(value)}.")
    if not abs(value) <= LARGEST:
        raise FilterRefused(place, "the number is too large.")
    return value


def period_value(value: object, place: str) -> Period:
    """The span of time that a date means. Raises FilterRefused."""
    found = period(value) if isinstance(value, str) else None
    if found is None:
        raise FilterRefused(place, f"expected {EXPECTED_DATE}, not {shown(value)}.")
    return found


def period(text: str) -> Period | None:
    """The span of time that a text means, or None when it is no date."""
    try:
        return _period(text.strip())
    except (ValueError, OverflowError):
        return None


def _period(text: str) -> Period | None:
    if _YEAR.match(text):
        return Period(_first_of(int(text), 1), _first_of(int(text) + 1, 1))
    if month := _MONTH.match(text):
        year, number = int(month[1]), int(month[2])
        return Period(_first_of(year, number), _first_of(year + number // 12, number % 12 + 1))
    moment = stored_date(text)
    if moment is None:
        return None
    is_day = len(text) == len("2024-01-31")
    return Period(moment, moment + min(timedelta(days=1), LAST - moment) if is_day else None)


def _first_of(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC) if year <= MAXYEAR else LAST


def stored_date(text: str) -> datetime | None:
    """The moment, in UTC, that a stored text means: its first one if it is a day. None when it is no date."""
    if not _STORED_DATE.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def first_moment(text: str) -> datetime | None:
    """As ``stored_date``, of a year or a month as well: the first moment of it."""
    is_partial = _YEAR.match(text) or _MONTH.match(text)
    return stored_date((text + FIRST_DAY)[: len("2024-01-01")] if is_partial else text)


def shown(value: object) -> str:
    """A value in an error message, as JSON writes it, cut."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= 40 else f"{text[:40]}..."
