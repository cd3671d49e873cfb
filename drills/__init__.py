"""Fault drills: one small program for each fault, against the real server on loopback.

    python -m drills                 all of them, with a closing table (make drill)
    python -m drills kill --seed 7   one of them
    python -m drills --short         the rounds that the tests run

A drill prints its figures with n, seed, version and sync mode; docs/promises.md keeps them. The
tests run the same code with fewer rounds, and once with a planted fault that it must see.
"""
