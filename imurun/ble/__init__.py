"""Sensors over Bluetooth LE."""
