DROP INDEX changes_with_state;
ALTER TABLE changes DROP COLUMN state_after;
ALTER TABLE changes DROP COLUMN state_before;
ALTER TABLE changes DROP COLUMN address;
ALTER TABLE changes DROP COLUMN authenticated_by;
