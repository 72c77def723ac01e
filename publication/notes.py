"""Signed notes: a text, a blank line, and lines of signatures, as in https://c2sp.org/signed-note.

A signature line is an em dash, the key's name, and base64 of the key's id (4 bytes) and the signature. Two kinds of Ed25519
(RFC 8032) keys are known: a log's own (kind 1: signs the text) and a witness's (kind 4, https://c2sp.org/tlog-cosignature:
signs a moment and the text). A key is written in one line as by Go's `sumdb/note`:
`name+id+base64(kind, public key)` and `PRIVATE+KEY+name+id+base64(kind, seed)`.

Belongs here: keys, and signing and verifying any text. Does not belong here: what a checkpoint says (`checkpoints`), where
a key is kept (`signing_keys`).
"""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from publication.strict_base64 import read_base64

LOG, WITNESS = 1, 4
KINDS = (LOG, WITNESS)
DASH = "\u2014 "
SECRET = "PRIVATE+KEY+"  # noqa: S105 - the format's own prefix
MOST_SIGNATURES = 100  # as Go's sumdb/note, so that a note cannot be made slow to read
_KEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


class NoteError(ValueError):
    """A text that is no signed note, or no key; the message says what is wrong and quotes nothing."""


@dataclass(frozen=True)
class Signature:
    """One line of signature, not yet verified."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True)
class Note:
    """A text and its lines of signatures."""

    text: str
    signatures: list[Signature]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(_line(one) for one in self.signatures)


@dataclass(frozen=True)
class Verifier:
    """A public key and its name."""

    name: str
    kind: int
    key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.key)}"

    def made(self, note: Note) -> Signature | None:
        """Return this key's line of a note, or None if it has none; raises NoteError if that line is forged."""
        for one in note.signatures:
            if (one.name, one.key_id) == (self.name, self.key_id):
                message, value = _signed(self.kind, note.text, one.value)
                try:
                    Ed25519PublicKey.from_public_bytes(self.key).verify(value, message)
                except (InvalidSignature, ValueError):
                    raise NoteError("the signature is not of this text") from None
                return one
        return None


@dataclass(frozen=True)
class Signer:
    """A private key and its name; never printed."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    def verifier(self, kind: int = LOG) -> Verifier:
        return Verifier(
            self.name, kind, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        )

    def secret(self) -> str:
        """Return the private key in one line, for its file."""
        return f"{SECRET}{self.name}+{self.verifier().key_id.hex()}+{_base64(bytes([LOG]) + self.seed)}"

    def sign(self, text: str) -> Signature:
        return Signature(self.name, self.verifier().key_id, self._over(text.encode()))

    def cosign(self, text: str, moment: int) -> Signature:
        """Sign as a witness who saw the text at `moment` (seconds since 1970)."""
        stamp = moment.to_bytes(8, "big")
        value = stamp + self._over(_cosigned(text, stamp))
        return Signature(self.name, self.verifier(WITNESS).key_id, value)

    def _over(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def read_note(content: str) -> Note:
    """Return a note's text and signatures; raises NoteError if it is none. A note without signatures is read too."""
    if any(ord(letter) < 0x20 and letter != "\n" for letter in content):
        raise NoteError("there is a control character in it")
    text, blank, lines = content.rpartition("\n\n")
    if not blank or (lines and not lines.endswith("\n")):
        raise NoteError("no blank line stands between text and signatures")
    signatures = [_read_line(line) for line in lines.split("\n")[:-1]]
    if len(signatures) > MOST_SIGNATURES:
        raise NoteError(f"it has more than {MOST_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def read_verifier(text: str) -> Verifier:
    """Return a public key from its line; raises NoteError if it is none, or its id is not that of name and key."""
    name, key_id, kind, key = _read_key(text.strip(), KINDS)
    found = Verifier(name, kind, key)
    if found.key_id != key_id:
        raise NoteError("the key's id is not that of its name and bytes")
    return found


def read_signer(text: str) -> Signer:
    """Return a private key from its line; raises NoteError if it is none, or its id is not that of name and key."""
    if not text.startswith(SECRET):
        raise NoteError(f"a private key begins with {SECRET}")
    name, key_id, _, seed = _read_key(text.strip().removeprefix(SECRET), (LOG,))
    found = Signer(name, seed)
    if found.verifier().key_id != key_id:
        raise NoteError("the key's id is not that of its name and bytes")
    return found


def require_name(name: str) -> str:
    """Return a key's name; raises NoteError for an empty one, and one with spaces, plus signs or control characters."""
    unfit = [one for one in name if one == "+" or one.isspace() or unicodedata.category(one)[0] == "C"]
    if not name or unfit:
        raise NoteError("a key's name is a text without spaces, plus signs and control characters")
    return name


def witnessed_at(signature: Signature) -> int:
    """Return the moment of a witness's signature, in seconds since 1970; raises NoteError if it is none."""
    if len(signature.value) != 72:
        raise NoteError("it is no signature of a witness")
    return int.from_bytes(signature.value[:8], "big")


def _signed(kind: int, text: str, value: bytes) -> tuple[bytes, bytes]:
    """The message that was signed, and the bare signature."""
    return (text.encode(), value) if kind == LOG else (_cosigned(text, value[:8]), value[8:])


def _cosigned(text: str, stamp: bytes) -> bytes:
    return f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}".encode()


def _line(signature: Signature) -> str:
    return f"{DASH}{signature.name} {_base64(signature.key_id + signature.value)}\n"


def _read_line(line: str) -> Signature:
    name, blank, value = line.removeprefix(DASH).partition(" ")
    content = _bytes(value)
    if not line.startswith(DASH) or not blank or len(content) < 5:
        raise NoteError("a line after the blank line is no signature")
    return Signature(require_name(name), content[:4], content[4:])


def _read_key(text: str, kinds: tuple[int, ...]) -> tuple[str, bytes, int, bytes]:
    found = _KEY.fullmatch(text)
    content = _bytes(found.group(3)) if found else b""
    if found is None or len(content) != 33 or content[0] not in kinds:
        raise NoteError("it is no key: name+id+base64 of an Ed25519 key")
    return require_name(found.group(1)), bytes.fromhex(found.group(2)), content[0], content[1:]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    try:
        return read_base64(text)
    except ValueError:
        raise NoteError("it is not base64") from None
