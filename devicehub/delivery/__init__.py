"""What leaves the station: the broker, the way to it, and what travels on it."""
