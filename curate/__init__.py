"""How curation is done to one video, one batch, one corpus."""
