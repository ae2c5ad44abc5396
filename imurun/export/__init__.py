"""A session as files that other programs read: step tables, BIDS, FIT."""
