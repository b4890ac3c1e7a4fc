"""docs/numpy.md lists what tracers translate. After adding a function: `python tests/frontends/test_numpy_docs.py`."""

from pathlib import Path

import numpy as np

from aicomp.frontends import numpy_functions, numpy_ufuncs
from aicomp.frontends.dispatch import name_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "numpy.md"
START, END = "<!-- functions -->\n", "<!-- end -->"
TITLES = {
    "numpy_elements": "elementwise",
    "numpy_joining": "joining and splitting",
    "numpy_linalg": "`np.linalg`",
    "numpy_making": "making and padding",
    "numpy_nan": "skipping NaN",
    "numpy_order": "sorting and searching",
    "numpy_picking": "picking",
    "numpy_products": "products",
    "numpy_reductions": "reductions",
    "numpy_series": "along an axis",
    "numpy_shape": "shapes",
}


def table() -> str:
    """Return the table of functions as Markdown."""
    ufuncs = sorted(name for name in numpy_ufuncs.UFUNCS if isinstance(getattr(np, name, None), np.ufunc))
    rows = [("ufuncs", ufuncs)]
    for module, home in numpy_functions.MODULES:
        found = numpy_functions.translations(module, home)
        rows.append((TITLES[module.__name__.rpartition(".")[2]], sorted(map(name_of, found))))
    lines = [f"| {title} | {' '.join(f'`{name}`' for name in names)} |" for title, names in rows]
    return "\n".join(["| | `np.` |", "|---|---|", *lines, ""])


def test_the_document_lists_every_function():
    assert DOCUMENT.read_text().partition(START)[2].partition(END)[0] == table()


def test_there_are_many():
    assert len(numpy_functions.FUNCTIONS) >= 150
    assert len(numpy_ufuncs.UFUNCS) >= 80


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text().partition(START)
    DOCUMENT.write_text(f"{before}{START}{table()}{END}{rest.partition(END)[2]}")
