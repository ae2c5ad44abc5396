"""What the same hour costs others: whole pipelines of peers, and the orientation filter alone."""
