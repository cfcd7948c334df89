"""Bluetooth SIG characteristics, one file a family: decode and encode side by side, and their conversations."""
