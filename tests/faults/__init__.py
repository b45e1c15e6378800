"""Attacks on the engine: hostile files, killed runs, malformed messages, foreign weights.

A short seeded part of each runs with the other tests (`test_faults.py`); the long one is

    python -m tests.faults --hours 8

Everything that is fed to the engine is made here, by code.
"""
