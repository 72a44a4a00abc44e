"""Receipts of revocations, read by a verifier that was written from docs/log.md, RFC 6962 and C2SP's signed-note alone."""

import base64
import json
import time

from c2sp import Checkpoint, Key, canonical, leaf_hash, root_of_inclusion, sha256

AUDIT = "/api/service/audit"
KEYS = "/api/service/apikeys"
# Changes are appended within about a second of their commits.
SOON = 10


def receipt_key(log):
    """The key of the log under the name that signs receipts."""
    name = f"{log.name}/receipts"
    raw = b"\x01" + log.public.public_bytes_raw()
    identifier = sha256(name.encode(), b"\n", raw)[:4]
    return Key(f"{name}+{identifier.hex()}+{base64.b64encode(raw).decode()}")


def opened(note, log):
    """What a receipt says, with its checkpoint. Fails if anything is wrong."""
    key = receipt_key(log)
    text, signatures = note.split("\n\n")
    name, line = text.split("\n")
    assert name == key.name
    (signature,) = signatures.splitlines()
    dash, signer, raw = signature.split(" ")
    raw = base64.b64decode(raw, validate=True)
    assert (dash, signer, raw[:4]) == ("—", key.name, key.id)
    assert key.has_signed(text + "\n", raw[4:])
    receipt = json.loads(line)
    assert canonical(receipt).decode() == line and receipt["v"] == 1
    checkpoint = Checkpoint(receipt["checkpoint"], log)
    leaf = base64.b64decode(receipt["leafHash"], validate=True)
    if receipt["entry"]:
        assert leaf_hash(receipt["entry"].encode()) == leaf
        assert json.loads(receipt["entry"])["id"] == receipt["change"]
    hashes = [base64.b64decode(each, validate=True) for each in receipt["hashes"]]
    assert root_of_inclusion(hashes, receipt["leafIndex"], checkpoint.size, leaf) == checkpoint.root
    return receipt


def test_a_receipt_is_verified_from_the_specifications_and_by_the_command_line(own_server, tmp_path):
    server = own_server
    verifier = server.cli("audit", "key")
    with server.admin() as admin:
        key = admin.create()
        began = int(time.time() * 1000)
        deleted = admin.delete(f"{KEYS}/{key['id']}")
        assert deleted.status_code == 200, deleted.text
        address, deadline = deleted.headers["tessera-receipt"], time.monotonic() + SOON
        while (answer := admin.get(address)).status_code == 409:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    receipt = opened(answer.text, Key(verifier))
    entry = json.loads(receipt["entry"])
    assert (entry["action"], entry["subjectId"]) == ("apikey.deleted", key["id"])
    assert address == f"/api/service/revocations/{receipt['change']}/receipt"
    (node,) = receipt["nodes"]
    assert node["kind"] == "server" and node["name"].endswith(f":{server.port}") and not node["isSilenced"]
    assert began - 60_000 < node["positionAt"] <= receipt["madeAt"] < began + 60_000

    file = tmp_path / "receipt"
    verify = ["audit", "verify-receipt", str(file), "--key", verifier]
    file.write_text(answer.text)
    said = server.cli(*verify)
    for expected in ["all is right", key["id"], node["name"], node["id"]]:
        assert expected in said, said
    file.write_text(answer.text.replace("apikey.deleted", "apikey.created", 1))
    refused = server.run(*verify)
    assert refused.returncode == 1 and "NOT all is right" in refused.stdout, refused
    assert server.run("audit", "verify-receipt", "absent", "--key", verifier).returncode == 2
