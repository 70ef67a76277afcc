"""Every size that a chapter uses, one frozen dataclass for each profile."""

from dataclasses import dataclass

from helpers import check


@dataclass(frozen=True)
class Profile:
    """How much a chapter measures.

    Parameters
    ----------
    error_images : int
        Training images on which a network's errors are counted.
    images : int
        Adversarial images for each network: a row of Tables 2 and 4.
    noise_images : int
        Images for each row of Gaussian noise.
    unit_images : int
        Images searched for those that maximise a direction.
    directions : int
        Units, and random directions, that are measured for coherence.
    basis_images : int
        Training images to which a basis of a layer is fitted.
    ablation_images : int
        Test images on which a network is tried without one of its units.
    seeds : int
        Trainings of each network whose units are compared.
    draws : int
        Of images and targets, or noise, for Tables 2 and 4: how far one differs from another.
    bootstrap : int
        Bootstrap resamples behind an interval.
    decay_images : int
        Training images in the comparison of weight decays.
    decay_iterations : int
        L-BFGS iterations there, at most.
    jacobian_images : int
        Images at which a gradient bounds the Lipschitz constant from below.
    bound_iterations : int
        Of the searches for a better bound of the Lipschitz constant, from below and from above.
    certified_images : int
        Images with a certified radius, for each network of Table 1 and the ConvNet.
    photographs : int
        Photographs that are turned into ostriches, for each ImageNet network.
    pool_images : int
        Photographs that directions of the ImageNet networks rank, at most.
    norm_inputs : int
        Numbers in a layer's input, at most, for its operator norm in an ImageNet network to be
        found.

    Examples
    --------
    >>> from dataclasses import replace
    >>> replace(get("smoke"), images=8).images
    8
    """

    error_images: int
    images: int
    noise_images: int
    unit_images: int
    directions: int
    basis_images: int
    ablation_images: int
    seeds: int
    draws: int
    bootstrap: int
    decay_images: int
    decay_iterations: int
    jacobian_images: int
    bound_iterations: int
    certified_images: int
    photographs: int
    pool_images: int
    norm_inputs: int


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
        photographs=2,
        pool_images=80,
        norm_inputs=50_000,
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
        photographs=16,
        pool_images=300,
        norm_inputs=500_000,
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
        photographs=80,
        pool_images=300,
        norm_inputs=2_000_000,
    ),
}
NAMES = tuple(PROFILES)


def get(name: str) -> Profile:
    """All sizes of a profile.

    Parameters
    ----------
    name : {"smoke", "paper", "full"}
        The profile: for tests; of the committed edition, with as many images as the paper probably
        used; and with all images and ten seeds.

    Returns
    -------
    Profile
        The sizes.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> get("paper").images
    256
    """
    check.choice("profile", name, NAMES)
    return PROFILES[name]
