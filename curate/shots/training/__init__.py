"""Training of the shot-transition network on transitions made at 64x36.

Blending and area-averaging commute, so joins made of small pictures look like joins of full-size
ones that are then made small, and no video needs to be encoded.
"""
