"""The shop that lives under its own privacy policy."""
