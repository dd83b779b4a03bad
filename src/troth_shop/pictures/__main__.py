"""Write the packaged pictures anew after a drawing was changed."""

from pathlib import Path

from troth_shop.pictures.draw import write_all

write_all(Path(__file__).parent.parent / "web" / "static" / "pictures")
