"""What a clip is like: pure functions on arrays that return scores."""
