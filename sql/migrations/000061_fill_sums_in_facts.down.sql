-- The sums go with the migration before.
SELECT 1
