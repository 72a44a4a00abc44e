DROP TABLE policy_objects;
