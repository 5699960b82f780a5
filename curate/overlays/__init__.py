"""How the weights of the overlay filters were made."""
