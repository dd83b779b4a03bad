"""HTTP in, HTML or JSON out: the privacy centre, page and template side by side."""
