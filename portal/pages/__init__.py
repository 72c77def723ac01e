"""One module per page: its query over the reader's view, and its template.

Belongs here: what a page shows. Does not belong here: how numbers look (`rendering`), who may see what (`view`).
"""

from portal.pages import (
    agencies,
    check,
    complaints,
    downloads,
    history,
    journeys,
    maturity,
    method,
    metrics,
    places,
    quality,
    signin,
)

ROUTERS = [
    page.router
    for page in (
        signin,
        check,
        agencies,
        metrics,
        places,
        journeys,
        complaints,
        maturity,
        history,
        quality,
        method,
        downloads,
    )
]
