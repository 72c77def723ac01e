"""Checks an edition of Miyar without Miyar: one file, Python's standard library only.

    python3 -I -S verify_edition.py [FOLDER] [--ledger FILE] [--checkpoint FILE]... [--key PUBLIC_KEY]

FOLDER is an edition, by default the one this file lies in. It holds every file against manifest.json, the manifest against
its line of the release ledger, the ledger against itself, and against checkpoints: the edition's own, and every one that you
kept (checkpoint.txt of a pack). With the public key of the centre, signatures of checkpoints are checked too. Take this file
and the key from a place that you trust: who can change an edition can change the copy in it.

Belongs here: what one can check with SHA-256 and Ed25519 alone. Does not belong here: reading tables (`verify`).
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

# Ed25519 (RFC 8032, 5.1): the field, the curve's constant, the order of the base point.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(one: Point, two: Point) -> Point:
    """Return the sum of two points in extended coordinates."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Return a multiple of a point. Nothing here is secret, so its time may tell the scalar."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def point_of(content: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, or None (RFC 8032, 5.1.3)."""
    sign, y = content[31] >> 7, int.from_bytes(content, "little") & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is of this message by this key (RFC 8032, 5.1.7)."""
    if len(key) != 32 or len(signature) != 64:
        return False
    owner, start, factor = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    base = point_of(bytes([0x58]) + bytes([0x66]) * 31)
    if owner is None or start is None or base is None or factor >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(factor, base), add(start, times(challenge, owner))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical(value: dict[str, Any]) -> bytes:
    """Return the bytes of a value that the ledger hashes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check_files(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Hold every file of an edition against its manifest."""
    found = []
    places = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    found += [f"{name}: is a link" for name, path in sorted(places.items()) if path.is_symlink()]
    present = {name for name, path in places.items() if not path.is_dir()} - {"manifest.json"}
    for name in sorted(present | set(manifest["files"])):
        parts = PurePosixPath(name)
        if name not in manifest["files"]:
            found.append(f"{name}: is not in the manifest")
        elif parts.is_absolute() or ".." in parts.parts or "\\" in name:
            found.append(f"{name}: leads out of the edition")
        elif name not in present:
            found.append(f"{name}: is gone")
        elif file_hash(folder / name) != manifest["files"][name]:
            found.append(f"{name}: was changed after publication")
    parts_of = {name: table["hash"] for name, table in manifest["tables"].items() if name != "bench_restatements"}
    parts_of |= {f"packs/{agency}": digest for agency, digest in manifest["packs"].items()}
    parts_of["access"] = manifest["access_hash"]
    if sha256("".join(f"{name}={parts_of[name]}\n" for name in sorted(parts_of)).encode()) != manifest["content_hash"]:
        found.append("manifest.json: its content hash is not that of its parts")
    if manifest["edition_id"] != folder.name:
        found.append(f"manifest.json: is of {manifest['edition_id']}, in the folder of {folder.name}")
    return found


def check_ledger(ledger: Path, folder: Path, manifest: dict[str, Any]) -> tuple[list[str], list[bytes]]:
    """Hold the ledger against itself and the edition against its line; returns what is wrong, and the tree's leaves."""
    found, leaves, previous, own = [], [], "0" * 64, 0
    for number, line in enumerate(ledger.read_bytes().split(b"\n")[:-1], start=1):
        entry = json.loads(line)
        corrections, told = entry.pop("corrections"), entry.pop("entry_hash")
        content = canonical(entry)
        if told != sha256(content) or entry["corrections_hash"] != sha256(canonical(corrections)):
            found.append(f"ledger line {number}: was edited")
        if entry["number"] != number or entry["previous_hash"] != previous:
            found.append(f"ledger line {number}: a line before it is gone or moved")
        leaves.append(hashlib.sha256(b"\x00" + content).digest())
        previous = told
        if entry["edition_id"] == folder.name:
            own = number
            if entry["manifest_hash"] != file_hash(folder / "manifest.json"):
                found.append("manifest.json: is not the one the ledger names")
    if not own:
        found.append("ledger: has no line of this edition")
    before = manifest["previous_edition_id"]
    if before and (folder.parent / before).is_dir():
        path = folder.parent / before / "manifest.json"
        if not path.is_file() or file_hash(path) != manifest["previous_manifest_hash"]:
            found.append(f"{before}: the edition before was changed")
    return found, leaves


def root_of(level: list[bytes]) -> bytes:
    """Return the root of an RFC 6962 tree over leaves."""
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + one + two).digest() for one, two in zip(level[::2], level[1::2], strict=False)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def check_checkpoint(path: Path, leaves: list[bytes], key: str) -> list[str]:
    """Hold the ledger's leaves against a checkpoint, and its signature against a public key if there is one."""
    text, _, lines = path.read_text("utf-8").rpartition("\n\n")
    _, size, root = text.split("\n")
    if int(size) > len(leaves):
        return [f"{path.name}: the ledger lost {int(size) - len(leaves)} of its {size} entries"]
    if base64.b64decode(root) != root_of(leaves[: int(size)]):
        return [f"{path.name}: the first {size} entries of the ledger were rewritten"]
    if not key:
        return []
    name, key_id, public = key.strip().split("+", 2)
    material = base64.b64decode(public)
    if hashlib.sha256(f"{name}\n".encode() + material).digest()[:4].hex() != key_id or material[0] != 1:
        return ["--key: is no public key of a ledger"]
    for line in lines.split("\n"):
        _, signer, value = line.split(" ") if line.count(" ") == 2 else ("", "", "")
        content = base64.b64decode(value)
        if signer == name and content[:4].hex() == key_id:
            return [] if is_signed(material[1:], f"{text}\n".encode(), content[4:]) else [f"{path.name}: is forged"]
    return [f"{path.name}: is not signed by {name}"]


def main(words: list[str]) -> int:
    """Check an edition and print what is wrong with it; 0 if nothing is, 1 otherwise."""
    parser = argparse.ArgumentParser(description="Checks an edition: files, manifest, ledger, checkpoints.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--ledger", type=Path, help="default: ledger.jsonl beside the edition")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="one that you kept")
    parser.add_argument("--key", default="", help="the centre's public key, name+id+base64")
    chosen = parser.parse_args(words)
    folder = chosen.folder.resolve()
    ledger, own = chosen.ledger or folder.parent / "ledger.jsonl", folder.parent / "checkpoints" / f"{folder.name}.txt"
    told, place = [], "manifest.json"
    try:
        manifest = json.loads((folder / place).read_bytes())
        told = check_files(folder, manifest)
        place = ledger.name
        if ledger.is_file():
            problems, leaves = check_ledger(ledger, folder, manifest)
            told += problems
            for path in [*([own] if own.is_file() else []), *chosen.checkpoint]:
                place = path.name
                told += check_checkpoint(path, leaves, chosen.key)
        elif chosen.ledger or chosen.checkpoint or chosen.key:
            told.append(f"{ledger.name}: is not there, and without it nothing outside the edition can be checked")
        else:
            print("no ledger beside the edition: only its files were held against its manifest")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        told.append(f"{place}: cannot be read ({type(error).__name__})")
    for line in told:
        print(line)
    print(f"{folder.name}: {'CHANGED' if told else 'intact'}")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
