"""What imurun costs: figures as ratios within one run, medians and spread, targets."""
