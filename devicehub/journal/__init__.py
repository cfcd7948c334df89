"""The station's durable store: frames, readings, attributions, states, visits. What is not here did not happen."""
