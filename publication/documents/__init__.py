"""Documents for readers: what stands in a pack or a report, and its renderings as HTML, PDF and workbook.

Belongs here: the model of a document, its renderers, and what each document says (`agency`, `national`, `region`). Does not
belong here: which files an edition holds (`publication.packs`, `publication.reports`), plots.
"""
