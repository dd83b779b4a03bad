"""The pages of the shop: HTTP in, HTML out, one file per part of the shop."""
