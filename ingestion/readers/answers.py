"""The outcome of reading a file as plain data, which is all that crosses from the process that read it.

Belongs here: writing and understanding it. Does not belong here: the processes (`worker`, `pool`).
"""

from dataclasses import asdict
from typing import Any

from ingestion.faults import MachineError
from ingestion.headers import Headers
from ingestion.readers.input import Input, Source
from miyar.errors import MiyarError, Problem


def stopped(given: Input, why: str) -> MiyarError:
    """The problem of a file whose reading had to be ended."""
    return given.fail(
        "reading_stopped",
        f"reading the file was stopped: {why}",
        "Open the file in its own program, copy the table alone into a new file, and deliver that.",
    )


def refused(error: MiyarError) -> dict[str, Any]:
    """Problems as plain data."""
    return {"problems": [problem.as_dict() for problem in error.problems]}


def told(source: Source) -> dict[str, Any]:
    """A source as plain data."""
    content = asdict(source)
    content["plain"], content["sound"] = sorted(source.plain), sorted(source.sound)
    return {"source": content}


def heard(outcome: dict[str, Any]) -> Source:
    """The source from plain data; raises MiyarError for the problems in it."""
    if "source" not in outcome:
        kind = MachineError if "machine" in outcome else MiyarError
        raise kind(Problem(**one) for one in outcome.get("machine", outcome.get("problems", [])))
    content = outcome["source"]
    headers = content["headers"]
    headers |= {"all": tuple(headers["all"]), "nameless": tuple(headers["nameless"])}
    return Source(
        **content
        | {
            "headers": Headers(**headers),
            "plain": frozenset(content["plain"]),
            "sound": frozenset(content["sound"]),
            "notes": tuple(Problem(**note) for note in content["notes"]),
        }
    )
