"""Where bytes become frames: Bluetooth, serial lines, and the tape that records them. Platform code lives here."""
