"""The wire between a sensor and imurun: specification, device side in C, and that C on a computer."""
