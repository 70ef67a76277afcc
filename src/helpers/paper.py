"""The numbers that Szegedy et al. (2014) print, as data frames.

Errors are in percent, distortions RMS per pixel.
"""

import pandas as pd

_TABLE1_NAMES = ["FC10(1e-4)", "FC10(1e-2)", "FC10(1)", "FC100-100-10", "FC200-200-10", "AE400-10"]
_TABLE3_NAMES = ["FC100-100-10/P1", "FC123-456-10/P1", "FC100-100-10/P2"]

TABLE1 = pd.DataFrame(
    {
        "train": [6.7, 10.0, 21.2, 0.0, 0.0, 0.57],
        "test": [7.4, 9.4, 20.0, 1.64, 1.54, 1.9],
        "distortion": [0.062, 0.1, 0.14, 0.058, 0.065, 0.086],
    },
    index=pd.Index(_TABLE1_NAMES, name="model"),
)

TABLE2 = pd.DataFrame(
    [
        [100, 11.7, 22.7, 2, 3.9, 2.7, 0.062],
        [87.1, 100, 35.2, 35.9, 27.3, 9.8, 0.1],
        [71.9, 76.2, 100, 48.1, 47, 34.4, 0.14],
        [28.9, 13.7, 21.1, 100, 6.6, 2, 0.058],
        [38.2, 14, 23.8, 20.3, 100, 2.7, 0.065],
        [23.4, 16, 24.8, 9.4, 6.6, 100, 0.086],
        [5.0, 10.1, 18.3, 0, 0, 0.8, 0.1],
        [15.6, 11.3, 22.7, 5, 4.3, 3.1, 0.3],
    ],
    index=pd.Index([*_TABLE1_NAMES, "noise 0.1", "noise 0.3"], name="made for"),
    columns=[*_TABLE1_NAMES, "distortion"],
    dtype=float,
)

TABLE3 = pd.DataFrame(
    {
        "P1": [0.0, 0.0, 2.3],
        "P2": [2.4, 2.5, 0.0],
        "test": [2.0, 2.1, 2.1],
        "distortion": [0.062, 0.059, 0.058],
    },
    index=pd.Index(_TABLE3_NAMES, name="model"),
)

TABLE4 = pd.DataFrame(
    [
        [100, 26.2, 5.9],
        [6.25, 100, 5.1],
        [8.2, 8.2, 100],
        [2.2, 2.6, 2.4],
        [100, 98, 43],
        [96, 100, 22],
        [27, 50, 100],
        [2.6, 2.8, 2.7],
    ],
    index=pd.Index(
        [
            *_TABLE3_NAMES,
            "noise 0.06",
            *(f"amplified {name}" for name in _TABLE3_NAMES),
            "noise 0.1",
        ],
        name="distorted for",
    ),
    columns=_TABLE3_NAMES,
    dtype=float,
)

TABLE5 = pd.DataFrame(
    {
        "stride": [4, 1, 1, 1, 1, 1, 1, 1],
        "shape": [
            "3x11x11x96",
            "96x5x5x256",
            "256x3x3x384",
            "384x3x3x384",
            "384x3x3x256",
            "9216x4096",
            "4096x4096",
            "4096x1000",
        ],
        "bound": [2.75, 10.0, 7.0, 7.5, 11.0, 3.12, 4.0, 4.0],
    },
    index=pd.Index(
        ["conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "fc3"], name="layer"
    ),
)

FIGURE5_DISTORTION = 0.006508  # AlexNet, 64 images, all turned into ostriches
FIGURE7_NOISE_ACCURACY = 51.0  # percent, under Gaussian noise
# Section 4.2: test error of FC100-100-10 in percent; the first is an upper bound.
TRAINING_ON_ADVERSARIAL_EXAMPLES = {"adversarial": 1.2, "dropout": 1.3, "weight decay": 1.6}

# Every printed number with the id of the record that holds ours.
PRINTED = {
    f"table{number}/{row}/{column}": float(table.loc[row, column])
    for number, table in enumerate((TABLE1, TABLE2, TABLE3, TABLE4), start=1)
    for row in table.index
    for column in table.columns
}
PRINTED |= {f"table5/{layer}": bound for layer, bound in TABLE5["bound"].items()} | {
    "figure7/noise accuracy": FIGURE7_NOISE_ACCURACY
}


def sample_size(table: str, row: str, column: str) -> int | None:
    """Return how many images are probably behind a printed number.

    256 for adversarial images, and for noise in Table 2, whose numbers are multiples of 1/256; else
    all images of the set that the table or the text names.

    Parameters
    ----------
    table : {"table1", "table2", "table3", "table4", "table5"}
        The table.
    row, column : str
        As in the data frames of this module.

    Returns
    -------
    int or None
        None for a norm, which is no average.

    Examples
    --------
    >>> sample_size("table2", "FC10(1)", "AE400-10"), sample_size("table1", "FC10(1)", "test")
    (256, 10000)
    """
    if table == "table5":
        return None
    if table in {"table1", "table3"} and column != "distortion":
        return {"train": 60_000, "P1": 30_000, "P2": 30_000, "test": 10_000}[column]
    return 10_000 if table == "table4" and row.startswith("noise") else 256
