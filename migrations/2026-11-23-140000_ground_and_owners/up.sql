-- Who creates an asset that lies beneath nothing waits for whoever is doing so: this is the row they lock.
INSERT INTO revisions (name, revision) VALUES ('assets', 1);

-- Owners that have a bearer are rows, so that they go with whoever bore the name, and a search can tell. Of the names that
-- were written until now those count whose bearer is older than the asset: of the others nobody knows who was meant.
INSERT INTO asset_people (asset_id, relation, member)
SELECT assets.id, 'ownerUsers', principals.username
FROM assets
JOIN search_terms ON search_terms.entity_id = assets.id AND search_terms.field = 'ownerUsers'
JOIN principals ON lower(principals.username) = search_terms.value AND principals.created_at <= assets.created_at
WHERE assets.attributes LIKE '%"' || replace(principals.username, '_', '\_') || '"%' ESCAPE '\';
