"""The device side on a computer, behind a board made of memory."""
