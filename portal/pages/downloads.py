"""Files of an edition for its readers: an agency's own pack, the reports, everything for the centre; and the ledger's checkpoint.

Belongs here: listing and sending files. Does not belong here: which files are whose (`view`).
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from portal.context import PAGE_ROWS, AnyPage, SignedIn, Start, part_of, portal_of, view_of
from portal.problems import not_found
from publication.access import may_have

router = APIRouter()


@router.get("/{language}/{edition_id}/downloads")
def downloads(request: Request, page: AnyPage, start: Start = 0) -> Response:
    names = page.view.files()[start : start + PAGE_ROWS + 1]
    # One that is not there, or not ours, is not offered; the others are.
    rows = [{"name": name, "bytes": path.stat().st_size} for name in names if (path := page.view.path(name))]
    return page.render("downloads.html", part=part_of(request, rows, start))


@router.get("/checkpoint.txt")
def checkpoint(request: Request, user: SignedIn) -> Response:
    """Send the ledger's newest checkpoint as it is signed, for whoever keeps it to be a witness (`miyar verify --witness`)."""
    content = portal_of(request).edition_cache.checkpoint()
    if not content or not may_have("checkpoint.txt", user.viewer):
        raise not_found()
    return PlainTextResponse(content)


@router.get("/files/{edition_id}/{name:path}")
def file(request: Request, edition_id: str, name: str) -> Response:
    """Send a file to be saved, never displayed: a pack's own page must not run in the portal's origin."""
    path = view_of(request, edition_id).file(name)
    saved_as = f"{edition_id}-{name.replace('/', '-')}"
    return FileResponse(path, media_type="application/octet-stream", filename=saved_as)
