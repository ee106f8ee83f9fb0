"""What is said for certain of a kind, in words."""

from medgauge.report.kinds import finding, grade, number


def test_of_what_it_holds_is_a_coverage_or_a_share_of_right_decisions() -> None:
    assert number.SAID.covering("90%") == "Coverage of 90% intervals"
    assert grade.SAID.covering("80%") == "Coverage of 80% sets"
    assert finding.SAID.covering("90%") == "Right decisions"
