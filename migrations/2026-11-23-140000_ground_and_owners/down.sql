DELETE FROM asset_people WHERE relation = 'ownerUsers';
DELETE FROM revisions WHERE name = 'assets';
