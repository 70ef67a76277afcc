"""The adversarial search D(x, l) of Szegedy et al. (2014), section 4.1."""

from helpers.search.adversarial import Adversarial, random_targets
from helpers.search.minimum import EFFORTS, minimum_distortion
from helpers.search.reference import by_scipy

__all__ = ["EFFORTS", "Adversarial", "by_scipy", "minimum_distortion", "random_targets"]
