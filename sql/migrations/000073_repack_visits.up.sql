-- The rows of before are packed anew as those that come.
OPTIMIZE TABLE stagelag.visits FINAL
