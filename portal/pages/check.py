"""The check of a file before it is delivered: what the pipeline would report, and how it would score. Nothing is kept.

Belongs here: the form, the waiting page, the answer. Does not belong here: judging (`expectations.check`), isolating it
(`check_worker`), which check is whose (`checks`).
"""

import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestion.contract import Contract, load_contract
from ingestion.rules import contract_line
from miyar.errors import MiyarError
from portal.checks import Check
from portal.context import form_of, language_of, page_of, portal_of, user_of, visit_of
from portal.problems import ReaderProblem, not_found
from portal.sentences import rule_next_step, rule_sentence
from portal.state import Portal
from portal.users import User

router = APIRouter()
ASK_AGAIN_SECONDS = 2
# Of a file's name; the pipeline adds to it where it unpacks a file.
_NAME_BYTES, _ENDING_BYTES = 160, 20


class Offered(NamedTuple):
    """A contract a user may check against, and its path."""

    contract: Contract
    path: Path


@router.get("/{language}/check")
def form(request: Request, language: str) -> Response:
    user = user_of(request)
    return _page(request, language, contracts_of(portal_of(request), user))


@router.post("/{language}/check")
def check(request: Request, language: str) -> Response:
    """Start a check; the middleware limited the size of the file, and its private folder is deleted when the check ends."""
    portal, user = portal_of(request), user_of(request)
    form = form_of(request)
    chosen = contracts_of(portal, user).get(str(form.get("contract")))
    file = form.get("file")
    if chosen is None:
        raise not_found()
    if not isinstance(file, UploadFile) or not file.filename or not file.size:
        raise ReaderProblem("not_understood")
    if file.size > portal.settings.limits.upload_bytes:
        raise ReaderProblem("too_large")
    wait = portal.rate_limits.seconds_to_wait(f"check {user.key}", portal.settings.limits.checks_per_minute)
    if wait:
        raise ReaderProblem("too_many", retry_after=wait)
    visit_of(request).event = "checked"
    started = portal.checks.start(user, file.file, _safe_name(file.filename), chosen.contract.id, chosen.path)
    return RedirectResponse(f"/{language_of(language)}/check/{started.check_id}", 303)


@router.get("/{language}/check/{check_id}")
def answer(request: Request, language: str, check_id: str) -> Response:
    """Show how far a check has come, and finally its answer. The browser reloads by itself; there is no script."""
    portal, user = portal_of(request), user_of(request)
    found = portal.checks.find(user, check_id)
    if found.stage == "done":
        if found.problem is not None:
            raise found.problem
        return _page(request, language, contracts_of(portal, user), found)
    response = _page(request, language, contracts_of(portal, user), found)
    response.headers["Refresh"] = str(ASK_AGAIN_SECONDS)
    return response


def contracts_of(portal: Portal, user: User) -> dict[str, Offered]:
    """Return contracts by id: for the centre all, for an agency those whose files are about it alone.

    A provider of many agencies checks its files with the centre.
    """
    found = {}
    for path in sorted((portal.workspace.registry / "contracts").glob("*/*.yml")):
        state = path.stat()
        contract = _read(path, state.st_mtime_ns, state.st_size)
        if contract is not None and (user.role == "centre" or user.agency_id in _alone(contract)):
            found[contract.id] = Offered(contract, path)
    return found


def _alone(contract: Contract) -> list[str]:
    return contract.covers if isinstance(contract.covers, list) and len(contract.covers) == 1 else []


@lru_cache(maxsize=10_000)
def _read(path: Path, changed_at: int, size: int) -> Contract | None:
    """Return a contract from its file, read once rather than at each visit, as there are hundreds.

    Nobody is offered a broken or retired one.
    """
    try:
        contract = load_contract(path)
    except (MiyarError, OSError):
        return None
    return contract if contract.status == "active" else None


def _safe_name(name: str) -> str:
    """Return a file name without folders and control characters; the rest stays, as contracts read dates from names.

    A long one is cut before its ending, by bytes: file systems take 255, and a letter may have four.
    """
    text = unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).name)
    text = "".join(char for char in text if char.isprintable()).strip(". ")
    stem, point, ending = text.rpartition(".")
    if not point or len(ending.encode()) > _ENDING_BYTES:
        stem, point, ending = text, "", ""
    kept = stem.encode()[:_NAME_BYTES].decode(errors="ignore").strip(". ")
    return f"{kept}{point}{ending}" if kept else "file"


def _page(request: Request, language: str, contracts: dict[str, Offered], found: Check | None = None) -> Response:
    portal = portal_of(request)
    page = page_of(request, language, portal.edition_cache.current_id())
    outcome, limits = found.outcome if found else None, portal.settings.limits
    lines = outcome.problems + outcome.notes if outcome else []
    problems = [
        {
            "sentence": rule_sentence(line["rule"], language),
            "next_step": rule_next_step(line["rule"], language),
            "message": line["message"],
            "contract": contract_line(line["rule"], line["column"]),
        }
        for line in lines
    ]
    return page.render(
        "check.html",
        contracts=[offered.contract for offered in contracts.values()],
        chosen=found.contract_id if found else "",
        found=found,
        waited=portal.checks.seconds_since(found) if found else 0,
        outcome=outcome,
        problems=problems,
        most_mb=limits.upload_bytes // 1024**2,
        most_seconds=limits.check_seconds,
        most_score_seconds=limits.score_seconds if portal.checks.works_out_scores else 0,
    )
