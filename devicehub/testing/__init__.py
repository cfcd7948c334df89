"""For driver authors: simulators, captures, replay and the conformance kit. Shipped, never imported by the station."""
