"""Running devicehub: the demo, and later health, backup and the room-ready proof."""
