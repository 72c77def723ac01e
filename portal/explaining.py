"""How a published score came about, from the edition alone: a web server never meets the warehouse or its writer.

Belongs here: asking for an explanation as a reader. Does not belong here: the steps and their words (`publication.explain`).
"""

from portal.problems import not_found
from portal.view import View
from publication.explain import Explanation, explain_published


def explanation_of(view: View, score_id: str) -> Explanation:
    """Not found for an unknown score and for one that is another agency's; counts and submissions are the reader's own only."""
    found = explain_published(view.rows, view.edition.manifest.tables, score_id)
    if found is None:
        raise not_found()
    return found
