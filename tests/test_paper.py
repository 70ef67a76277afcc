import numpy as np

from helpers import models, paper


def test_rows_and_columns_are_the_networks() -> None:
    assert tuple(paper.TABLE1.index) == models.TABLE1
    assert tuple(paper.TABLE2.columns) == (*models.TABLE1, "distortion")
    assert tuple(paper.TABLE3.index) == tuple(paper.TABLE4.columns) == models.TABLE3


def test_the_tables_agree_with_each_other() -> None:
    np.testing.assert_array_equal(
        paper.TABLE2["distortion"][list(models.TABLE1)], paper.TABLE1["distortion"]
    )
    for name in models.TABLE1:
        assert paper.TABLE2.loc[name, name] == 100
    for name in models.TABLE3:
        assert paper.TABLE4.loc[name, name] == paper.TABLE4.loc[f"amplified {name}", name] == 100
        assert paper.TABLE3.loc[name, name.rpartition("/")[2]] == 0


def test_the_printed_cells_add_up_to_the_118_of_the_tables() -> None:
    assert sum(name.startswith("table") for name in paper.PRINTED) == 18 + 56 + 12 + 24 + 8 == 118
    assert len(paper.PRINTED) == 118 + 1
