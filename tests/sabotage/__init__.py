"""Promises broken on purpose, one at a time: a test that no break can fail proves nothing."""
