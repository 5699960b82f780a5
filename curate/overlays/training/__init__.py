"""Training of the overlay network: real takes, drawn overlays of many looks, and decoys."""
