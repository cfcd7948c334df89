"""Choosing a driver for what is in range or plugged in, and keeping each device's task alive."""
