"""What the pages of the console show: keys, personas, policies, assets and tokens, made through the API."""

import uuid

from servers import token_of

# A name without a place to break at. It has an `l`, by which the pages that pick keys and users search.
LONG = "l" + "W" * 200


def connect(admin, **people):
    """Creates a connection, and returns its qualified name."""
    connection = f"default/snowflake/{uuid.uuid4().int % 10**9}"
    attributes = {"qualifiedName": connection, "name": f"Sales warehouse {connection[-4:]}"} | people
    entities = [{"typeName": "Connection", "attributes": attributes}]
    admin.post("/api/meta/entity/bulk", json={"entities": entities}).raise_for_status()
    return connection


def allowed(admin, key, resource, action="persona-asset-read"):
    asked = {"actor": key["id"], "action": action, "resource": {"id": resource, "type": "Table"}}
    return admin.post("/api/service/explain", json=asked).json()["allowed"]


def write_policy(admin, persona, name, actions, resource, effect="allow"):
    attributes = {
        "qualifiedName": name,
        "name": name,
        "policyType": effect,
        "policyCategory": "persona",
        "policySubCategory": "metadata",
        "policyActions": actions,
        "policyResources": [f"entity:{resource}"],
        "accessControl": {"typeName": "Persona", "guid": persona["id"]},
    }
    entities = [{"typeName": "AuthPolicy", "attributes": attributes}]
    written = admin.post("/api/meta/entity/bulk", json={"entities": entities})
    written.raise_for_status()
    return written.json()["mutatedEntities"]["CREATE"][0]["guid"]


def account(key):
    """The user name of a key's service account."""
    return f"service-account-apikey-{key['id']}"


def role_of(admin):
    """The id of the role `$admin`."""
    roles = admin.get("/api/service/roles").json()["records"]
    return next(role["id"] for role in roles if role["name"] == "$admin")


def furnish(server):
    """Creates keys, personas and tokens, so that no page is empty; returns the URLs of the pages."""
    admin = server.admin()
    personas = [
        admin.post("/api/service/personas", json={"name": f"{name} {uuid.uuid4().hex[:4]}", "description": text}).json()
        for name, text in [
            ("Warehouse readers", "Read metadata and data of the sales warehouse"),
            ("Lineage", "Read lineage of every asset"),
            ("Exports <img src=x onerror=alert(3)>", "{{7*7}} <script>alert(4)</script>"),
            (LONG, LONG),
        ]
    ]
    keys = [
        admin.post(
            "/api/service/apikeys",
            json={
                "displayName": name,
                "description": text,
                "personaQualifiedNames": [each["qualifiedName"] for each in personas[:linked]],
                "validitySeconds": days * 86_400,
                "workspacePermissions": ["VERIFY_TOKENS"] if linked else [],
                "allowedAddresses": ["127.0.0.0/8", "10.0.0.0/8"] if linked == 1 else [],
            },
        ).json()
        for name, text, linked, days in [
            ("nightly-etl", "Loads the sales marts at 02:00.", 2, 90),
            ("gateway-eu-1", "Asks about tokens", 1, 5000),
            ("dbt-cloud <img src=x onerror=alert(1)>", "{{7*7}} <script>alert(2)</script>", 1, 5),
            ("notebook-scratch", "", 0, 30),
            ("lineage-agent", "", 4, 1),
            (LONG, LONG, 4, 20),
        ]
    ]
    for key in keys[:3]:
        holder = server.holder_of(token_of(key))
        for address in ("whoami", "whoami", "audit"):
            holder.get(f"/api/service/{address}")
    query = "mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken } }"
    for name, life in [("laptop", "ONE_MONTH"), ("notebook", "NO_EXPIRY")]:
        given = {"type": "PERSONAL", "actorUrn": "urn:li:corpuser:admin", "duration": life, "name": name}
        admin.post("/api/graphql", json={"query": query, "variables": {"input": given}})
    program_wanted = "mutation { createServiceAccount(input: {displayName: \"ingestion\", description: \"Loads the catalogue.\"}) { urn } }"
    made = admin.post("/api/graphql", json={"query": program_wanted}).json()["data"]["createServiceAccount"]
    program = made["urn"].removeprefix("urn:li:corpuser:")
    given = {"type": "SERVICE_ACCOUNT", "actorUrn": made["urn"], "duration": "THREE_MONTHS", "name": "production"}
    admin.post("/api/graphql", json={"query": query, "variables": {"input": given}})
    one, long = keys[0]["id"], keys[-1]["id"]
    server.cli("users", "create", f"l{'w' * 90}{uuid.uuid4().hex[:4]}")
    connection = connect(admin, viewerUsers=["admin"], adminRoles=[role_of(admin)], adminUsers=["admin", account(keys[0])])
    reads = write_policy(admin, personas[0], "Read sales", ["persona-asset-read", "persona-dq-read"], f"{connection}/sales")
    write_policy(admin, personas[1], "No salaries", ["persona-asset-read"], f"{connection}/hr", "deny")
    write_policy(admin, personas[2], "Load", ["persona-api-create", "persona-asset-update"], f"{connection}/sales")
    found = {"dsl": {"size": 1, "query": {"term": {"qualifiedName": connection}}}}
    guid = admin.post("/api/meta/search/indexsearch", json=found).json()["entities"][0]["guid"]
    persona = f"/personas/{personas[0]['id']}"
    entry = admin.get("/api/service/audit").json()["records"][0]["id"]
    return {
        "start": "/",
        "keys": "/keys",
        "keys-filtered": "/keys?expires=7&status=active",
        "keys-none": "/keys?q=nothing-is-called-so",
        "key-new": "/keys/new",
        "key": f"/keys/{one}",
        "key-why-not": f"/keys/{one}?action=persona-asset-update&resource=default/snowflake/1/sales/orders",
        "key-long": f"/keys/{long}",
        "key-long-delete": f"/keys/{long}/delete",
        "key-edit": f"/keys/{one}/edit",
        "key-delete": f"/keys/{one}/delete",
        "personas": "/personas",
        "persona": persona,
        "persona-new": "/personas/new",
        "persona-edit": f"{persona}/edit",
        "persona-delete": f"{persona}/delete",
        "persona-members": f"{persona}/members?q=l",
        "policy-new": f"{persona}/policies/new",
        "policy-edit": f"{persona}/policies/{reads}",
        "policy-delete": f"{persona}/policies/{reads}/delete",
        "key-what-if": f"/keys/{one}/personas?try=1&persona={personas[2]['qualifiedName']}&persona={personas[1]['qualifiedName']}",
        "connections": "/connections",
        "connections-filtered": "/connections?kind=collection",
        "connection": f"/connections/{guid}?q=l",
        "policies": "/policies",
        "policy-of-platform-new": "/policies/new",
        "people": "/people",
        "people-filtered": "/people?role=$admin",
        "service-accounts": "/people/service-accounts",
        "service-account-new": "/people/service-accounts/new",
        "service-account": f"/people/service-accounts/{program}",
        "service-account-delete": f"/people/service-accounts/{program}/delete",
        "invitations": "/people/invitations",
        "roles": "/people/roles",
        "audit": "/audit",
        "tokens": "/settings/tokens",
        "token-new": "/settings/tokens/new",
        "sessions": "/settings/sessions",
        "bearer-token": "/token",
        "device": "/device",
        "people-remove": f"/people/remove?username={server.new_user()[0]}",
        "proof": f"/audit/{entry}",
        "authorize": "/oauth/authorize",
        "not-found": "/keys/nothing",
        "not-understood": "/keys?status=unknown",
    }
