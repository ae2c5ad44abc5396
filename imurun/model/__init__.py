"""The data that every other package uses: recordings, runners, sample blocks, axes, columns."""
