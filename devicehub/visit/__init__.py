"""Whose reading is it: visits, and the fence that attributes a reading to one or to quarantine."""
