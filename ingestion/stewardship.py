"""What a contract says about personal data beside how it is read: how long it is kept, for what, and under which key it goes on.

Belongs here: these parts of a contract, and durations. Does not belong here: destroying rows (`expectations.retention`), making
pseudonyms (`personal`).
"""

import calendar
import re
from datetime import date, timedelta

from pydantic import Field, field_validator

from ingestion.formats import ContractModel

_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")


def later(day: date, duration: str) -> date:
    """The day this much later, by ISO 8601 (P5Y, P18M, P90D); a month without that day ends a day of it.

    Raises ValueError for what is no such duration.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(
            f"{duration!r} is no duration in years, months, weeks or days; write it as P5Y or P18M (ISO 8601)"
        )
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    month = day.month - 1 + months
    year, month = day.year + years + month // 12, month % 12 + 1
    ended = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    return ended + timedelta(weeks=weeks, days=days)


class Retention(ContractModel):
    """How long after the end of its quarter something is kept, and why so long."""

    period: str = Field(description="ISO 8601 duration after the end of the row's quarter, e.g. P5Y")
    reason: str = Field(min_length=1)

    @field_validator("period")
    @classmethod
    def _is_duration(cls, text: str) -> str:
        later(date(2000, 1, 31), text)
        return text

    def due(self, last_day: date) -> date:
        """The first day on which it must be gone."""
        return later(last_day, self.period) + timedelta(days=1)


class LinkedPseudonyms(ContractModel):
    """Pseudonyms go on under an earlier version of the key, so that people are known again across its change, and why."""

    key_version: int = Field(
        ge=1, description="The version whose pseudonyms this contract keeps making; 1 is the first"
    )
    reason: str = Field(min_length=1)


class Processing(ContractModel):
    """What the record of processing says of this feed (`miyar processing`)."""

    purpose: str = Field(description="What the data is processed for")
    legal_basis: str = Field("", description="The law or consent it rests on")
    subjects: str = Field("", description="Whose data it is, e.g. beneficiaries who answered")
    recipients: list[str] = Field(default_factory=list, description="Who receives it beside the centre, by role")
    transfers: str = Field("", description="Transfers out of the country, with their safeguard; empty for none")
