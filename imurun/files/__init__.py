"""File handling that every package uses: atomic writes, text cleaning, TOML, size limits."""
