"""How much of the personal data in free text the scan finds: a labelled set, and what is found in it.

Belongs here: texts whose personal data is known, and the counts. Does not belong here: the patterns, which live with the scan
(`ingestion/personal.yml`) and must not be looked at when texts are added.
"""
