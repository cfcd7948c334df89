"""From what a device said to what the hub knows: settle, clock, identity, plausibility. Pure."""
