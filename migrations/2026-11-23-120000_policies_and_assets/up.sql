-- Rules about who may do what. `actions`, `resources`, `subjects` and `attributes` are JSON.
CREATE TABLE policies (
    id             TEXT    NOT NULL CONSTRAINT policies_id PRIMARY KEY,
    qualified_name TEXT    NOT NULL CONSTRAINT policies_qualified_name_unique UNIQUE,
    persona_id     TEXT    CONSTRAINT policies_have_personas REFERENCES personas (id) ON DELETE CASCADE,
    category       TEXT    NOT NULL CONSTRAINT policies_category_known
                   CHECK (category IN ('metadata', 'data', 'glossary', 'domain', 'platform', 'entities')),
    name           TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    effect         TEXT    NOT NULL CONSTRAINT policies_effect_known CHECK (effect IN ('allow', 'deny')),
    actions        TEXT    NOT NULL,
    resources      TEXT    NOT NULL,
    subjects       TEXT    NOT NULL,
    enabled        BOOLEAN NOT NULL,
    editable       BOOLEAN NOT NULL,
    attributes     TEXT    NOT NULL,
    created_by     TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);
CREATE INDEX policies_by_persona ON policies (persona_id);
CREATE INDEX policies_by_category ON policies (category, id);

-- Counts what has no rows of its own to count: raised by every write to a policy, and by every new set of invitations.
CREATE TABLE revisions (
    name     TEXT   NOT NULL CONSTRAINT revisions_name PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO revisions (name, revision) VALUES ('policies', 1), ('invites', 1);

-- Connections, collections and every other entity. `attributes` is JSON; what grants access is in `asset_people`.
CREATE TABLE assets (
    id             TEXT   NOT NULL CONSTRAINT assets_id PRIMARY KEY,
    type_name      TEXT   NOT NULL,
    qualified_name TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    state          TEXT   NOT NULL CONSTRAINT assets_state_known CHECK (state IN ('ACTIVE', 'DELETED')),
    attributes     TEXT   NOT NULL,
    created_by     TEXT   NOT NULL,
    updated_by     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    CONSTRAINT assets_qualified_name_unique UNIQUE (type_name, qualified_name)
);
CREATE INDEX assets_by_qualified_name ON assets (qualified_name);

-- Whom an asset names: `relation` is the attribute (`adminUsers`), `member` a user name, a group's name or a role's id.
CREATE TABLE asset_people (
    asset_id TEXT NOT NULL CONSTRAINT asset_people_have_assets REFERENCES assets (id) ON DELETE CASCADE,
    relation TEXT NOT NULL,
    member   TEXT NOT NULL,
    CONSTRAINT asset_people_once PRIMARY KEY (asset_id, relation, member)
);
CREATE INDEX asset_people_by_member ON asset_people (member, relation);

-- The inverted index of the entity search: personas, policies and assets by the folded values of their fields.
CREATE TABLE search_terms (
    entity_id TEXT NOT NULL,
    field     TEXT NOT NULL,
    value     TEXT NOT NULL,
    CONSTRAINT search_terms_once PRIMARY KEY (entity_id, field, value)
);
CREATE INDEX search_terms_by_value ON search_terms (field, value, entity_id);
INSERT INTO search_terms SELECT id, '__typeName', 'persona' FROM personas;
INSERT INTO search_terms SELECT id, '__state', 'active' FROM personas;
INSERT INTO search_terms SELECT id, 'name', lower(name) FROM personas;
INSERT INTO search_terms SELECT id, 'displayName', lower(display_name) FROM personas;
INSERT INTO search_terms SELECT id, 'qualifiedName', lower(qualified_name) FROM personas;

-- What Atlan's clients keep with a persona and Tessera only hands back: JSON.
ALTER TABLE personas ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';

-- Service accounts that are no API keys: they have any number of access tokens.
CREATE TABLE service_accounts (
    id           TEXT   NOT NULL CONSTRAINT service_accounts_id PRIMARY KEY
                 CONSTRAINT service_accounts_are_principals REFERENCES principals (id) ON DELETE CASCADE,
    display_name TEXT   NOT NULL,
    description  TEXT   NOT NULL,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX service_accounts_by_created_at ON service_accounts (created_at, id);

-- What is told of a credential that has a name: a user's personal token, or a token of such a service account.
CREATE TABLE access_tokens (
    id          TEXT   NOT NULL CONSTRAINT access_tokens_id PRIMARY KEY,
    key_id      TEXT   NOT NULL CONSTRAINT access_tokens_key_id_unique UNIQUE
                CONSTRAINT access_tokens_are_credentials REFERENCES credentials (key_id) ON DELETE CASCADE,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    actor_id    TEXT   NOT NULL,
    actor_name  TEXT   NOT NULL,
    owner_id    TEXT   NOT NULL,
    owner_name  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_expires_at ON access_tokens (expires_at, id);
CREATE INDEX access_tokens_by_owner ON access_tokens (owner_name, expires_at, id);
CREATE INDEX access_tokens_by_actor ON access_tokens (actor_name, expires_at, id);

-- What DataHub's clients wrote about a principal, as they wrote it: JSON.
CREATE TABLE aspects (
    principal_id TEXT   NOT NULL CONSTRAINT aspects_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    name         TEXT   NOT NULL,
    value        TEXT   NOT NULL,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    CONSTRAINT aspects_once PRIMARY KEY (principal_id, name)
);

-- When a principal last made use of a permission it was granted.
CREATE TABLE permission_uses (
    principal_id TEXT   NOT NULL CONSTRAINT permission_uses_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    permission   TEXT   NOT NULL,
    last_used_at BIGINT NOT NULL,
    CONSTRAINT permission_uses_once PRIMARY KEY (principal_id, permission)
);

-- Changes are now also about policies, assets and roles. SQLite cannot alter a constraint, so the table is made anew.
CREATE TABLE changes_before AS SELECT * FROM changes;
DROP TABLE changes;
CREATE TABLE changes (
    id           TEXT   NOT NULL CONSTRAINT changes_id PRIMARY KEY,
    changed_at   BIGINT NOT NULL,
    actor_id     TEXT   NOT NULL,
    actor_name   TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    subject_kind TEXT   NOT NULL CONSTRAINT changes_subject_kind_known
                 CHECK (subject_kind IN ('principal', 'persona', 'policy', 'asset', 'role')),
    subject_id   TEXT   NOT NULL,
    subject_name TEXT   NOT NULL,
    request_id   TEXT   NOT NULL
);
INSERT INTO changes SELECT * FROM changes_before;
DROP TABLE changes_before;
CREATE INDEX changes_by_changed_at ON changes (changed_at, id);
CREATE INDEX changes_by_actor ON changes (actor_id, changed_at);
CREATE INDEX changes_by_subject ON changes (subject_id, changed_at);
