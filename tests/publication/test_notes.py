"""Signed notes and log trees are those of the standards, held by the standards' own examples.

Belongs here: `publication.notes`, `publication.log_tree`. Does not belong here: checkpoints of a ledger (`test_checkpoints`).
"""

# ruff: noqa: E501 - proofs of the standard, a line each

import base64
import hashlib
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publication.log_tree import consistency, inclusion, is_consistent, is_included, log_leaf, log_root
from publication.notes import (
    WITNESS,
    Note,
    NoteError,
    Signer,
    read_note,
    read_signer,
    read_verifier,
    require_name,
    witnessed_at,
)

DASH = "\u2014"
# https://c2sp.org/signed-note, the example.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    f"{DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang.org/x/mod/sumdb/note: keys, text and signatures of its documentation and tests.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105 - a documented example
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    f"{DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
OTHER_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
OTHER_LINE = (
    f"{DASH} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
# github.com/transparency-dev/formats/note: a witness's public key, and a cosignature with its moment.
WITNESS_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
COSIGNED = "ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJXORmnFBOBA=="
# RFC 8032, 7.1: secret key, public key, message, signature of tests 1, 2 and 3.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def test_the_note_of_the_standard_verifies() -> None:
    verifier = read_verifier(SPEC_KEY)
    assert str(verifier) == SPEC_KEY
    note = read_note(SPEC_NOTE)
    assert str(note) == SPEC_NOTE
    assert verifier.made(note) == note.signatures[0]


def test_the_documented_key_of_another_implementation_signs_byte_for_byte() -> None:
    signer = read_signer(GO_SECRET)
    assert (str(signer.verifier()), signer.secret()) == (GO_KEY, GO_SECRET)
    assert str(Note(GO_TEXT, [signer.sign(GO_TEXT)])) == f"{GO_TEXT}\n{GO_LINE}"
    assert "AYEKFALV" not in repr(signer)


def test_two_signatures_each_by_its_own_key() -> None:
    note = read_note(f"{GO_TEXT}\n{GO_LINE}{OTHER_LINE}")
    assert [read_verifier(key).made(note) for key in (GO_KEY, OTHER_KEY)] == note.signatures
    assert read_verifier(SPEC_KEY).made(note) is None


@pytest.mark.parametrize(("seed", "key", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(seed: str, key: str, message: str, signature: str) -> None:
    signer = Signer("n", bytes.fromhex(seed))
    assert signer.verifier().key.hex() == key
    assert signer._over(bytes.fromhex(message)).hex() == signature


def test_a_cosignature_says_when_and_signs_what_the_standard_says() -> None:
    assert str(read_verifier(WITNESS_KEY)) == WITNESS_KEY
    line = read_note(f"t\n\n{DASH} w {COSIGNED}\n").signatures[0]
    assert witnessed_at(line) == 1727964367
    with pytest.raises(NoteError):
        witnessed_at(read_note(SPEC_NOTE).signatures[0])
    signer = read_signer(GO_SECRET)
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    made = signer.cosign(text, 1679315147)
    # The standard's words: this line, that line, and the note's text, signed; before it eight bytes of the moment.
    message = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    assert made.value == bytes.fromhex("00000000641850cb") + Ed25519PrivateKey.from_private_bytes(signer.seed).sign(
        message
    )
    verifier = signer.verifier(WITNESS)
    assert read_verifier(str(verifier)) == verifier
    assert verifier.made(Note(text, [made])) == made
    assert signer.verifier().made(Note(text, [made])) is None
    with pytest.raises(NoteError):
        verifier.made(Note(text.replace("163", "164"), [made]))


@pytest.mark.parametrize("place", [0, 30, len(GO_TEXT) - 2])
def test_another_text_is_not_signed(place: int) -> None:
    text = GO_TEXT[:place] + "x" + GO_TEXT[place + 1 :]
    with pytest.raises(NoteError):
        read_verifier(GO_KEY).made(read_note(f"{text}\n{GO_LINE}"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no blank line\n",
        f"text\n{GO_LINE}",
        f"text\n\n{GO_LINE.strip()}",
        "text\n\n- PeterNeumann AAAAAAAA\n",
        f"text\n\n{DASH} PeterNeumann AAAA\n",
        f"text\n\n{DASH} PeterNeumann =====\n",
        # The same bytes written in another way: a last character whose spare bits are set.
        f"{GO_TEXT}\n{GO_LINE.replace('JnAM=', 'JnAN=')}",
        f"text\n\n{DASH} Peter+Neumann AAAAAAAAAAAA\n",
        f"te\x00xt\n\n{GO_LINE}",
        f"te\rxt\n\n{GO_LINE}",
        f"text\n\n{GO_LINE * 101}",
    ],
)
def test_what_is_no_note(content: str) -> None:
    with pytest.raises(NoteError):
        read_note(content)


def test_every_shortened_or_changed_key_is_refused() -> None:
    """As Go's own tests: no part of a key and no changed letter is a key."""
    for text, read in ((GO_KEY, read_verifier), (GO_SECRET, read_signer)):
        parts = [text[:end] for end in range(len(text))] + [text[start:] for start in range(1, len(text))]
        changed = [text[:place] + chr(ord(text[place]) + 1) + text[place + 1 :] for place in range(len(text))]
        for one in [*parts, *changed]:
            with pytest.raises(NoteError):
                read(one)
    # Of Go's tests: a key that is too long, and one of an unknown kind, both with their right id.
    for one in (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ):
        with pytest.raises(NoteError):
            read_verifier(one)
    for name in ("", "a b", "a+b", "a\u00a0b", "a\nb", "a\u2028b"):
        with pytest.raises(NoteError):
            require_name(name)


# The leaves and roots that implementations of RFC 6962 share (certificate-transparency, merkletree tests).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Proofs of the same tests: older size, newer size, proof.
PROOFS = [
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def _leaves(count: int) -> list[bytes]:
    return [log_leaf(bytes.fromhex(one)) for one in LEAVES[:count]]


def test_roots_are_those_of_rfc_6962() -> None:
    assert [log_root(_leaves(count)).hex() for count in range(1, 9)] == ROOTS
    assert log_root([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("older", "newer", "proof"), PROOFS)
def test_proofs_are_those_of_rfc_6962(older: int, newer: int, proof: list[str]) -> None:
    assert [one.hex() for one in consistency(_leaves(newer), older)] == proof


# Of the same tests: place (from 0), size, proof.
INCLUDED = [
    (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]  # fmt: skip


@pytest.mark.parametrize(("place", "size", "proof"), INCLUDED)
def test_inclusion_is_that_of_rfc_6962(place: int, size: int, proof: list[str]) -> None:
    assert [one.hex() for one in inclusion(_leaves(size), place)] == proof


def test_a_leaf_is_proved_in_its_place_and_no_other() -> None:
    leaves = [log_leaf(bytes([number])) for number in range(20)]
    for size in range(1, 21):
        root = log_root(leaves[:size])
        for place in range(size):
            proof = inclusion(leaves[:size], place)
            assert is_included(leaves[place], place, size, root, proof)
            assert not is_included(leaves[place], place + 1, size, root, proof)
            assert not is_included(log_leaf(b"other"), place, size, root, proof)
            assert not is_included(leaves[place], place, size, log_root(leaves[: size - 1]), proof)
            assert not is_included(leaves[place], place, size, root, [*proof, root])


def test_a_beginning_is_proved_and_nothing_else() -> None:
    leaves = [log_leaf(base64.b64encode(bytes([number]))) for number in range(20)]
    roots = [log_root(leaves[:size]) for size in range(21)]
    for newer in range(1, 21):
        for older in range(newer + 1):
            proof = consistency(leaves[:newer], older)
            assert is_consistent(older, roots[older], newer, roots[newer], proof)
            if 0 < older < newer:
                assert not is_consistent(older, roots[older - 1], newer, roots[newer], proof)
                assert not is_consistent(older, roots[older], newer, roots[newer - 1], proof)
                assert not is_consistent(older, roots[older], newer, roots[newer], proof[:-1])
                assert not is_consistent(older, roots[older], newer, roots[newer], [*proof, proof[0]])
    for one, other in pairwise(roots[1:]):
        assert not is_consistent(5, one, 5, other, [])
