DELETE FROM revisions WHERE name = 'writes';
