"""Certified radii: lengths of a change within which no adversarial image exists."""

from helpers.certify.radius import Certified, certified_radius

__all__ = ["Certified", "certified_radius"]
