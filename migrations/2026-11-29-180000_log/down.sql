CREATE INDEX changes_by_position ON changes (position);
DROP INDEX changes_in_order;
DROP TABLE log_forks;
DROP TABLE log_tiles;
DROP TABLE log_leaves;
DROP TABLE log_state;
