DROP TABLE session_origins;
