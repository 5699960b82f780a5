"""Kept clips as files for other tools: WebDataset shards and LeRobot data sets."""
