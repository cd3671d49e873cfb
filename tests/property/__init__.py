"""Property tests: for every expression and every row, the evaluator and the SQL agree."""
