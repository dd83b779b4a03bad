"""What the policy says and what follows from it: frozen values and pure functions.

Nothing in this room reads a file, a clock, a network or a source of randomness.
"""
