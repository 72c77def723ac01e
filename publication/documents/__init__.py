"""Documents for readers: the content of packs and reports, and their renderings as HTML, PDF and workbook.

Belongs here: the model of a document, its renderers, and the content of each document (`agency`, `national`, `region`).
Does not belong here: which files an edition holds (`publication.packs`, `publication.reports`), plots.
"""
