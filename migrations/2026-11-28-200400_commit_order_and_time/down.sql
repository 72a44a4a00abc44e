DROP TABLE installation;
DROP INDEX changes_by_position;
ALTER TABLE changes DROP COLUMN position;
