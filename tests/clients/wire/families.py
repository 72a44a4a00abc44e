"""Groups of records for tests of filters, sorting and pages."""

import json
import time
import uuid

# Names of columns and of secrets, none of them a field that is offered.
COLUMNS = """
    hash secret prefix digest pepper key_id keyId token accessToken access_token password password_hash
    principal_id kind role created_at display_name display_name_folded validity_seconds attributes
    attributes.createdAt rowid oid ctid xmin * 1
""".split()


def new_family(client):
    """The name that five new keys share but for their number, and their ids, the oldest first."""
    name = f"family-{uuid.uuid4()}"
    members = []
    for number in range(5):
        members.append(client.create(f"{name} {number}", description="Member" if number % 2 else "member")["id"])
        time.sleep(0.002)
    return name, members


def ids(listed):
    return [record["id"] for record in listed["records"]]


def matching(name, **more):
    return json.dumps({"displayName": {"$like": f"{name}%"}} | more)
