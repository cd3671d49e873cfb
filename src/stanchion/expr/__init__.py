"""The expression language: lift, parse, check, fold, evaluate. No web, no database."""
