"""Every size that a chapter uses, one frozen dataclass for each profile."""

from dataclasses import dataclass

from helpers import check


@dataclass(frozen=True)
class Profile:
    """How much a chapter measures."""

    error_images: int  # training images on which a network's errors are counted
    images: int  # adversarial images for each network; a row of Tables 2 and 4
    noise_images: int  # images for each row of Gaussian noise
    unit_images: int  # images searched for those that maximise a direction
    directions: int  # units, and random directions, that are measured for coherence
    basis_images: int  # training images to which a basis of a layer is fitted
    ablation_images: int  # test images on which a network is tried without one of its units
    seeds: int  # trainings of each network whose units are compared
    draws: int  # of images and targets, or noise, for Tables 2 and 4, to see how far one differs from another
    bootstrap: int  # bootstrap resamples behind an interval
    decay_images: int  # training images in the weight-decay comparison
    decay_iterations: int  # L-BFGS iterations there, at most
    jacobian_images: int  # images at which a gradient bounds the Lipschitz constant from below
    bound_iterations: int  # of the searches for a better bound of the Lipschitz constant, from below and from above
    certified_images: (
        int  # images with a certified radius, for each network of Table 1 and the ConvNet
    )


PROFILES = {
    "smoke": Profile(
        error_images=4_000,
        images=24,
        noise_images=500,
        unit_images=2_000,
        directions=24,
        basis_images=500,
        ablation_images=500,
        seeds=1,
        draws=2,
        bootstrap=200,
        decay_images=5_000,
        decay_iterations=100,
        jacobian_images=32,
        bound_iterations=3,
        certified_images=8,
    ),
    "paper": Profile(
        error_images=60_000,
        images=256,
        noise_images=10_000,
        unit_images=10_000,
        directions=100,
        basis_images=2_500,
        ablation_images=2_500,
        seeds=1,
        draws=3,
        bootstrap=2_000,
        decay_images=60_000,
        decay_iterations=300,
        jacobian_images=256,
        bound_iterations=20,
        certified_images=256,
    ),
    "full": Profile(
        error_images=60_000,
        images=60_000,
        noise_images=60_000,
        unit_images=10_000,
        directions=100,
        basis_images=10_000,
        ablation_images=10_000,
        seeds=10,
        draws=10,
        bootstrap=10_000,
        decay_images=60_000,
        decay_iterations=500,
        jacobian_images=10_000,
        bound_iterations=60,
        certified_images=1_000,
    ),
}
NAMES = tuple(PROFILES)


def get(name: str) -> Profile:
    """The profile "smoke", "paper" or "full". Raises ValueError for another name."""
    check.choice("profile", name, NAMES)
    return PROFILES[name]
