"""How a published score came about, from the edition alone: a web server has no access to the warehouse or its writer.

Belongs here: asking for an explanation as a reader. Does not belong here: the steps and their words
(`publication.explain`).
"""

from portal.problems import not_found
from portal.view import View
from publication.explain import Explanation, explain_published


def explanation_of(view: View, score_id: str) -> Explanation:
    """Return a score's explanation, with the reader's own counts and submissions only.

    Raises not found both for an unknown score and for another agency's.
    """
    found = explain_published(view.rows, view.edition.manifest.tables, score_id)
    if found is None:
        raise not_found()
    return found
