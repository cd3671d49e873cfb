"""Access rules to the letter: every caller, operation, field and way in, against an oracle."""
