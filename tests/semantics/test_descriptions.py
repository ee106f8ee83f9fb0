from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.semantics.descriptions import plain_name, read_descriptions

FOURTEEN = (
    "Atelectasis,Cardiomegaly,Effusion,Infiltration,Mass,Nodule,Pneumonia,Pneumothorax,Consolidation,Edema,Emphysema,"
    "Fibrosis,Pleural_Thickening,Hernia"
)


def test_the_fourteen_findings_are_described_each_in_words_of_its_own() -> None:
    found = read_descriptions("chest14")
    assert list(found) == FOURTEEN.split(",")
    texts = [text for one in found.values() for text in one]
    assert len(set(texts)) == len(texts) == 28
    assert plain_name("Pleural_Thickening") == "Pleural Thickening"


def test_the_forty_five_of_the_retina_are_described_by_their_short_names() -> None:
    found = read_descriptions("retina45")
    assert len(found) == 45
    assert {"DR", "ARMD", "ODC", "CL"} < set(found)
    assert len({text for one in found.values() for text in one}) == 45


def test_a_file_gives_one_or_several_descriptions(tmp_path: Path) -> None:
    file = tmp_path / "labels.yaml"
    file.write_text("Effusion: fluid\nBig heart: [a wide  heart, Cardiomegaly]\n")
    assert read_descriptions(file) == {"Effusion": ["fluid"], "Big heart": ["a wide heart", "Cardiomegaly"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a", "must be names of labels"),
        ("Effusion: 3", "must give Effusion a text or a list of texts"),
        ("Effusion: []", "must give Effusion"),
        ("Effusion: !!python/name:os.system x", "cannot be read"),
        ("Effusion: a\nEffusion: b", "cannot be read"),
    ],
)
def test_what_is_no_file_of_descriptions_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "labels.yaml").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_descriptions(tmp_path / "labels.yaml")
    with pytest.raises(InputError, match="there is no file of descriptions"):
        read_descriptions(tmp_path / "none.yaml")
