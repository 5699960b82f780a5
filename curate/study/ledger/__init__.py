"""The ledger: what each filter alone, left out, or with all others did to the latent action."""
