"""The networks in plain words: what stands beside a name that is a code."""

WORDS = {
    "FC10(1e-4)": "linear, weak decay",
    "FC10(1e-2)": "linear, medium decay",
    "FC10(1)": "linear, strong decay",
    "FC100-100-10": "sigmoid, 2 × 100 units",
    "FC200-200-10": "sigmoid, 2 × 200 units",
    "AE400-10": "autoencoder, 400 units",
    "FC100-100-10/P1": "2 × 100 units, first half",
    "FC123-456-10/P1": "123 + 456 units, first half",
    "FC100-100-10/P2": "2 × 100 units, second half",
    "ConvNet": "convolutional",
}


def in_words(name: str) -> str:
    """A network in plain words.

    Parameters
    ----------
    name : str
        Any; those of the networks of the tables and the ConvNet have words.

    Returns
    -------
    str
        Its kind, and what sets it apart; nothing for a name that is no network's.

    Examples
    --------
    >>> in_words("FC10(1)"), in_words("FC100-100-10/P2"), in_words("noise 0.1")
    ('linear, strong decay', '2 × 100 units, second half', '')
    """
    return WORDS.get(name, "")
