"""A verifier of logs, written from RFC 6962 and C2SP's signed-note, tlog-checkpoint, tlog-cosignature and tlog-tiles."""

import base64
import hashlib
import json
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha256(b"\x00", entry)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def tree_hash(leaves):
    """RFC 6962, section 2.1, of the hashes of the leaves."""
    if not leaves:
        return sha256()
    while len(leaves) > 1:
        pairs = zip(leaves[::2], leaves[1::2])
        rest = leaves[len(leaves) - 1 :] if len(leaves) % 2 else []
        leaves = [node_hash(*pair) for pair in pairs] + rest
    return leaves[0]


def root_of_inclusion(proof, index, size, leaf):
    """RFC 9162, section 2.1.3.2: the root that a proof of inclusion leads to."""
    assert index < size
    place, last, root = index, size - 1, leaf
    for sibling in proof:
        assert last > 0
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            root = node_hash(root, sibling)
        place >>= 1
        last >>= 1
    assert last == 0
    return root


class Key:
    """A verifier key: signed-note."""

    def __init__(self, text):
        self.name, identifier, key = text.split("+", 2)
        raw = base64.b64decode(key, validate=True)
        self.kind = raw[0]
        self.public = Ed25519PublicKey.from_public_bytes(raw[1:])
        self.id = sha256(self.name.encode(), b"\n", raw)[:4]
        assert self.id.hex() == identifier

    def has_signed(self, text, signature):
        if self.kind == 4:
            (time,) = struct.unpack(">Q", signature[:8])
            text, signature = f"cosignature/v1\ntime {time}\n{text}", signature[8:]
        try:
            self.public.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Checkpoint:
    """A note that all of these keys have signed."""

    def __init__(self, note, *keys):
        text, signatures = note.split("\n\n")
        assert signatures.endswith("\n")
        self.note, self.text = note, text + "\n"
        self.origin, size, root = text.split("\n")
        assert size == str(int(size))
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        assert len(self.root) == 32 and self.origin == keys[0].name
        lines = [line.split(" ") for line in signatures.splitlines()]
        assert all(dash == "—" for dash, _, _ in lines)
        found = {(name, base64.b64decode(raw)[:4]): base64.b64decode(raw)[4:] for _, name, raw in lines}
        for key in keys:
            assert key.has_signed(self.text, found[key.name, key.id]), key.name


def tile_path(kind, number, width):
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return f"tile/{kind}/{'/'.join(groups)}" + (f".p/{width}" if width < WIDTH else "")


def tiles(kind, count):
    """The paths of all tiles of a level with so many hashes."""
    for number in range((count + WIDTH - 1) // WIDTH):
        yield tile_path(kind, number, min(WIDTH, count - number * WIDTH))


def unbundle(bundle):
    entries = []
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        assert len(bundle) >= 2 + length
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries


def canonical(members):
    """RFC 8785, for what a leaf has in it."""
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Log:
    """A log that is read and verified as a whole. `read` gets a file of it by its path."""

    def __init__(self, read, key):
        self.checkpoint = Checkpoint(read("checkpoint").decode(), key)
        size = self.checkpoint.size
        self.entries = [entry for path in tiles("entries", size) for entry in unbundle(read(path))]
        assert len(self.entries) == size
        self.leaves = [leaf_hash(entry) for entry in self.entries]
        assert tree_hash(self.leaves) == self.checkpoint.root
        level, hashes = 0, self.leaves
        while hashes:
            assert b"".join(read(path) for path in tiles(level, len(hashes))) == b"".join(hashes), level
            full = len(hashes) // WIDTH
            hashes = [tree_hash(hashes[at * WIDTH : (at + 1) * WIDTH]) for at in range(full)]
            level += 1
        self.changes = [json.loads(entry) for entry in self.entries]
        assert [canonical(change) for change in self.changes] == self.entries

    def continues(self, earlier):
        return tree_hash(self.leaves[: earlier.size]) == earlier.root
