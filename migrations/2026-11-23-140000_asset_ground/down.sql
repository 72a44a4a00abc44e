DELETE FROM revisions WHERE name = 'assets';
