"""Pictures of the goods, drawn by our own hand-made compositions; see ``draw.py``."""
