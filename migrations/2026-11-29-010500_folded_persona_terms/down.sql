-- What was found before is found still.
SELECT 1;
