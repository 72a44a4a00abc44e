-- The one asset that a policy is about, by its qualified name: its admins have authority over the policy. A policy is not
-- here that is about none that is stored, or about more than one.
CREATE TABLE policy_objects (
    policy_id      TEXT NOT NULL CONSTRAINT policy_objects_policy PRIMARY KEY
        CONSTRAINT policy_objects_have_policies REFERENCES policies (id) ON DELETE CASCADE,
    qualified_name TEXT NOT NULL
);
CREATE INDEX policy_objects_by_name ON policy_objects (qualified_name);

-- What was written until now is found by what it says itself. Terms are folded: a connection with capital letters is left
-- out until the policy is written again.
INSERT INTO policy_objects (policy_id, qualified_name)
SELECT search_terms.entity_id, assets.qualified_name
FROM search_terms
JOIN policies ON policies.id = search_terms.entity_id AND policies.persona_id IS NOT NULL
JOIN assets ON assets.type_name = 'Connection' AND assets.qualified_name = search_terms.value
WHERE search_terms.field = 'connectionQualifiedName';
