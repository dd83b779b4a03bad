"""Thin doors for host applications."""
