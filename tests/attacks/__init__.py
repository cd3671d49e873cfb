"""Attacks that TRUST names, and the same with a guard of the product taken away."""
