"""Numbers as the cells of a CSV file."""


def cell(value: float) -> float | str:
    """A number for a CSV file: ten digits, nothing for NaN.

    >>> cell(1 / 3), cell(float("nan"))
    (0.3333333333, '')
    """
    return "" if value != value else float(f"{value:.10g}")
