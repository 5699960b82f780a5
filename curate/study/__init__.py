"""What curation did to the latent action: raw against curated video at equal budget."""
