-- Invitations for one person each. The text of an invitation is computed from its id and a pepper, so it is not stored.
CREATE TABLE invitations (
    id           TEXT   NOT NULL CONSTRAINT invitations_id PRIMARY KEY,
    role         TEXT   NOT NULL,
    note         TEXT   NOT NULL,
    inviter_id   TEXT   NOT NULL
        CONSTRAINT invitations_have_inviters REFERENCES principals (id) ON DELETE CASCADE,
    inviter_name TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX invitations_by_inviter ON invitations (inviter_id);
CREATE INDEX invitations_by_expires_at ON invitations (expires_at);
