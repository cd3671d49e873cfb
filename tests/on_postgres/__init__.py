"""What only shows on PostgreSQL: its plans, names, contention, and commands that are given one."""
