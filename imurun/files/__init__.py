"""File handling shared by every package: atomic writes, text cleaning, TOML, limits on input."""
