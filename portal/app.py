"""The application: routes, the middleware around them, and the answers to errors.

Belongs here: assembling it. Does not belong here: the work of any route.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

import publication
from portal import api
from portal.middleware import Middleware
from portal.pages import ROUTERS
from portal.problems import ReaderProblem
from portal.rendering import HERE, problem_response
from portal.state import Portal

# One font for pages, packs and reports.
FONTS = Path(publication.__file__).parent / "fonts"
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def create_app(portal: Portal) -> FastAPI:
    """Return an ASGI application over one workspace.

    The description of the API is a route like the others, open to signed-in readers only.
    """
    app = FastAPI(title="Miyar", version="1", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.portal = portal
    app.include_router(api.router)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount("/static/fonts", StaticFiles(directory=FONTS), name="fonts")
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_middleware(Middleware, portal=portal)
    app.add_exception_handler(ReaderProblem, _reader_problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(Exception, _unexpected)
    return app


async def _reader_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReaderProblem)  # noqa: S101 - narrows the type: this handler is registered for it only
    request.state.visit.event = request.state.visit.event or error.kind
    return problem_response(request, error)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem_response(request, ReaderProblem(_BY_STATUS.get(status, "not_understood")))


async def _not_understood(request: Request, error: Exception) -> Response:
    return problem_response(request, ReaderProblem("not_understood"))


async def _unexpected(request: Request, error: Exception) -> Response:
    return problem_response(request, ReaderProblem("unexpected"))
