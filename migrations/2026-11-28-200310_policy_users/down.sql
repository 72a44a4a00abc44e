DROP TABLE policy_users;
