"""Table formats of makers and apps, one TOML file each, and the reader of such descriptions."""
