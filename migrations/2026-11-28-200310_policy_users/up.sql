-- The principals that a policy names, by id. `policies.subjects` keeps the names as they were written; a name counts only
-- while the principal with this id bears it. There is no reference to `principals`: whoever deletes a principal must find
-- the policies that named it, so that what is remembered of those policies is read anew.
CREATE TABLE policy_users (
    policy_id    TEXT NOT NULL CONSTRAINT policy_users_have_policies REFERENCES policies (id) ON DELETE CASCADE,
    principal_id TEXT NOT NULL,
    CONSTRAINT policy_users_once PRIMARY KEY (policy_id, principal_id)
);
CREATE INDEX policy_users_by_principal ON policy_users (principal_id, policy_id);

-- Of the names that were written until now those count whose bearer is older than the policy: of the others nobody knows
-- who was meant. `users` is the first member of the JSON, and a quotation mark inside a name would be escaped.
INSERT INTO policy_users (policy_id, principal_id)
SELECT policies.id, principals.id
FROM policies
JOIN principals ON principals.created_at <= policies.updated_at
    AND policies.subjects LIKE '{"users":[%"' || replace(principals.username, '_', '\_') || '"%],"groups":%' ESCAPE '\'
WHERE policies.persona_id IS NULL AND policies.subjects LIKE '{"users":["%';
