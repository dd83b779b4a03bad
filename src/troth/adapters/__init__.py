"""The outside world, one file per port, each with an in-memory twin that passes the same tests."""
