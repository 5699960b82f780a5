"""Latent-action models: what happened between two frames, inferred without labels."""
