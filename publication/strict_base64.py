"""Base64 read strictly: one text for the same bytes, so that no signed or encrypted file can be altered unseen.

Belongs here: that reading. Does not belong here: what the bytes mean (`notes`, `checkpoints`, `age_files`).
"""

import base64


def read_base64(text: str | bytes) -> bytes:
    """Return the bytes; raises ValueError for other characters, and unless the text is the way they are written.

    Python's own reading passes over the spare bits of the last character (RFC 4648, section 3.5).
    """
    written = text if isinstance(text, bytes) else text.encode("ascii")
    content = base64.b64decode(written, validate=True)
    if base64.b64encode(content) != written:
        raise ValueError("the bytes are written in another way")
    return content
