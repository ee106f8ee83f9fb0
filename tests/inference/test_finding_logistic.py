"""Logistic regression of findings: that of grades of two levels, without chances beside the value; folds may differ."""

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from medgauge.core.batch import Cases
from medgauge.core.task import Learned
from medgauge.inference.finding_logistic import FindingLogistic
from medgauge.tasks.findings import Findings
from medgauge.tasks.settings import HeadSettings


def gallery() -> Cases:
    draw = torch.Generator().manual_seed(0)
    embedding, names = torch.randn(90, 3, generator=draw), [str(row) for row in range(90)]
    label = (embedding[:, :2] + torch.randn(90, 2, generator=draw) > 0.5).double()
    label[::7, 1] = torch.nan
    return Cases(embedding, label, names, names)


def test_the_value_is_the_chance_that_scikit_learn_gives() -> None:
    cases = gallery()
    one = FindingLogistic(2).fit(cases)
    assert isinstance(one, Learned)
    asked = Cases(cases.embedding[:9], cases.label[:9], list("abcdefghi"), list("abcdefghi"))
    reading = one.read(asked)
    assert reading.probability is None
    for target in range(2):
        known = ~cases.label[:, target].isnan()
        points = StandardScaler().fit(cases.embedding.numpy())
        model = LogisticRegression(C=1 / one.tuned["constant"], tol=1e-8, max_iter=10_000)
        model.fit(points.transform(cases.embedding[known].numpy()), cases.label[known, target].numpy())
        wanted = model.predict_proba(points.transform(asked.embedding.numpy()))[:, 1]
        torch.testing.assert_close(reading.value[:, target], torch.from_numpy(wanted).double(), rtol=0, atol=1e-4)


def test_no_predictor_of_findings_has_chances_beside_its_value() -> None:
    cases = gallery()
    task = Findings.make(["a", "b"], HeadSettings("none", kernel=True, logistic=True), "none").fit(cases.label, None)
    for name, one in {"neighbours": task.surroundings(), **task.predictors()}.items():
        assert one.fit(cases, cases, task.error).read(cases).probability is None, name


def test_cases_of_the_one_group_with_a_finding_are_not_surely_without_it() -> None:
    cases = gallery()
    names = ["one" if present else str(row) for row, present in enumerate(cases.label[:, 0] == 1)]
    made = FindingLogistic(2).fit(Cases(cases.embedding, cases.label, names, names))
    own = [row for row, name in enumerate(names) if name == "one"]
    value = made.read(Cases(cases.embedding[own], cases.label[own], ["one"] * len(own), ["one"] * len(own))).value[:, 0]
    learned = sum(fold != made._fold[own[0]] for fold in made._fold.tolist())
    torch.testing.assert_close(value, torch.full_like(value, 0.5 / (learned + 1)))
