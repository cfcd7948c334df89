"""Simulated devices, one file a family, named as the driver that reads it. The file is the registration."""
