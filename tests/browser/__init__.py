"""Tests in a real browser. The browser ends with this folder: see `chromium` in conftest.py."""
