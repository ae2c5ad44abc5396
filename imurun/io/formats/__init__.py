"""File formats of makers and apps, one TOML file each, and the code that reads these descriptions."""
