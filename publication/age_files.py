"""Files encrypted with a passphrase in the age format (https://age-encryption.org/v1): `age -d FILE` opens them too.

A file key (16 random bytes) is wrapped by scrypt of the passphrase; header and content are bound to it by HMAC and
ChaCha20-Poly1305. Content is one chunk, for keys are small.

Belongs here: that format, for one passphrase. Does not belong here: which files are encrypted (`signing_keys`).
"""

import base64
import hmac
import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from publication.strict_base64 import read_base64

BEGINNING = b"age-encryption.org/v1\n"
WORK = 18  # log2 of scrypt's N, as age's own: about a second and 256 MB for each guess
MOST_WORK = 20  # so that no file asks for a gigabyte or more
_HEADER = re.compile(rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n---")
_MAC = re.compile(rb" ([A-Za-z0-9+/]{43})\n")
_LABEL = b"age-encryption.org/v1/scrypt"
_ONE_CHUNK = bytes(11) + b"\x01"


class AgeError(ValueError):
    """The file is none of this kind, or the passphrase is not its own."""


def is_age_file(content: bytes) -> bool:
    return content.startswith(BEGINNING)


def encrypt(content: bytes, passphrase: str, work: int = WORK) -> bytes:
    """Return content (less than 64 KiB) encrypted with a passphrase."""
    file_key, salt, nonce = (secrets.token_bytes(16) for _ in range(3))
    wrapped = ChaCha20Poly1305(_scrypt(passphrase, salt, work)).encrypt(bytes(12), file_key, None)
    header = BEGINNING + b"-> scrypt %s %d\n%s\n---" % (_base64(salt), work, _base64(wrapped))
    sealed = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(_ONE_CHUNK, content, None)
    return header + b" " + _base64(_mac(file_key, header)) + b"\n" + nonce + sealed


def decrypt(content: bytes, passphrase: str) -> bytes:
    """Return what was encrypted; raises AgeError if the passphrase is wrong or anything was changed."""
    found = _HEADER.match(content, len(BEGINNING)) if is_age_file(content) else None
    mac = _MAC.match(content, found.end()) if found else None
    if found is None or mac is None or int(found[2]) > MOST_WORK:
        raise AgeError("it is no file encrypted with one passphrase")
    try:
        key = _scrypt(passphrase, _bytes(found[1]), int(found[2]))
        file_key = ChaCha20Poly1305(key).decrypt(bytes(12), _bytes(found[3]), None)
        if not hmac.compare_digest(_mac(file_key, content[: found.end()]), _bytes(mac[1])):
            raise AgeError("its header was changed")
        nonce, sealed = content[mac.end() : mac.end() + 16], content[mac.end() + 16 :]
        return ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).decrypt(_ONE_CHUNK, sealed, None)
    except (InvalidTag, ValueError):
        raise AgeError("the passphrase is not its own, or the file was changed") from None


def _scrypt(passphrase: str, salt: bytes, work: int) -> bytes:
    return Scrypt(salt=_LABEL + salt, length=32, n=1 << work, r=8, p=1).derive(passphrase.encode())


def _derived(file_key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(file_key)


def _mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return read_base64(text + b"=" * (-len(text) % 4))
