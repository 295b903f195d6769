-- Rows are packed anew as they are merged.
SELECT 1
