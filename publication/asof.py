"""What was published by a given day: the editions in force then, according to the release ledger.

Belongs here: reading the ledger by time. Does not belong here: the tables of an edition (`reading`).
"""

from datetime import UTC, date, datetime, time
from pathlib import Path

from miyar.errors import MiyarError, Problem
from publication.manifest import list_editions
from publication.release_ledger import Entry, read_entries


def in_force(editions: Path, day: str) -> list[Entry]:
    """Return the latest revision of each period published by `day`, oldest period first; the last was current.

    Raises MiyarError when nothing had been published by then, or when an edition published by then is gone.
    """
    moment = _moment(day)
    entries = [entry for entry in read_entries(editions) if datetime.fromisoformat(entry.published_at) <= moment]
    latest: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda entry: int(entry.edition_id.rpartition("-r")[2])):
        latest[entry.edition_id.partition("-")[0]] = entry
    if not latest:
        raise MiyarError(
            Problem(
                "nothing_published", f"no edition was out on {day}", next_step="The ledger says when each came out."
            )
        )
    gone = sorted({entry.edition_id for entry in latest.values()} - set(list_editions(editions)))
    if gone:
        raise MiyarError(
            Problem("edition_missing", "the edition was in force and is gone", file=name, next_step="Restore it.")
            for name in gone
        )
    return [latest[period] for period in sorted(latest)]


def _moment(text: str) -> datetime:
    """Return the moment; a day means its end in UTC, a time without zone is UTC."""
    try:
        # Try a day first: `datetime` accepts its text too, but takes it for the start of the day.
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MiyarError(Problem("date_invalid", f"{text!r} is no date", next_step="Write it as 2026-02-15.")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
