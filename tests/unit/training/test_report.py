"""The page and the data file that a run leaves, with all facts and with few."""

import dataclasses
import html.parser
import json

import pytest

from tests.unit.training.example_facts import example_extras, example_facts
from training.evaluate import ShuffledRun, WeightedAccuracy
from training.report import write_report

_VOID = {"meta", "img", "br", "link", "path", "use"}


class _Page(html.parser.HTMLParser):
    """Reads a page, counts its tags and insists that each is closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        """The words of the page, white space made single."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(name="write")
def _write(tmp_path):
    def write(facts):
        write_report(facts, tmp_path / "report", score_difference=2e-6)
        page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
        document = (tmp_path / "report" / "report.json").read_text(encoding="utf-8")
        return page, json.loads(document, parse_constant=pytest.fail)

    return write


def test_few_facts(write):
    """Without anything optional the page has its sections, and none is empty."""
    page, document = write(example_facts())

    text = _Page(page).text
    assert "75.0 % 6 of 8 test photos right" in text
    assert "Nothing odd" in text
    for absent in ("mistakes", "temperature", "shuffled", "cross-validation", "seed"):
        assert absent not in text
    assert document["calibration"] is None
    assert document["mistakes"] == []


def test_all_facts(write, tmp_path):
    """Everything that was found out is on the page and in the data."""
    facts = example_facts(**example_extras(tmp_path))

    page, document = write(facts)

    text = _Page(page).text
    for present in (
        "2-fold cross-validation: 7 of 8 photos",
        "no better than chance (50.0 %)",
        "labeled cat , which got 10.0 %",
        "train and test , mirrored",
        "not kept : validation was better without it",
        "python -m training --data pets",
        "of a pixel, trainer against gateway: 0",
        "75 photos a second",
        "fine_tuning.max_epochs",
    ):
        assert present in text, present
    assert document["near_duplicates"][0]["second"] == {
        "part": "test",
        "photo": "cat/b.jpg",
    }
    assert document["mistakes"][0]["predicted"] == "dog"
    assert document["cross_validation"]["accuracy"] == 7 / 8
    assert document["config"]["seed"] == 7


def test_figures_as_data(write):
    """report.json holds the figures of eight photos, worked out by hand."""
    _, document = write(example_facts())

    test = document["test"]
    assert test["accuracy"] == 6 / 8
    assert test["confusion"] == [[3, 1], [1, 3]]
    assert test["confusions"][0] == {
        "label": "cat",
        "predicted": "dog",
        "count": 1,
        "share": 1 / 4,
    }
    cat = test["classes"][0]
    assert (cat["precision"], cat["recall"], cat["f1"]) == (0.75, 0.75, 0.75)
    # Two scores only: three of four cats and one of four dogs have the high one.
    assert cat["roc"]["true_positive_rate"] == [0, 0.75, 1]
    assert cat["roc"]["false_positive_rate"] == [0, 0.25, 1]
    assert document["schema_version"] == 1
    assert document["stages"][0]["history"]["best_epoch"] == 1


@pytest.mark.parametrize(
    "score, shown", [(0.9997, "> 99.9 %"), (1.0, "100.0 %"), (0.0002, "< 0.1 %")]
)
def test_nearly_certain(write, tmp_path, score, shown):
    """A score that is almost 1 is not rounded to certainty."""
    extras = example_extras(tmp_path)
    (right,) = extras["right"]
    extras["right"] = (dataclasses.replace(right, score=score),)

    page, _ = write(example_facts(**extras))

    assert f"cat , score {shown}" in _Page(page).text


def test_whole_in_one_file(write, tmp_path):
    """The page asks for nothing from outside and names no place of this machine."""
    facts = example_facts(**example_extras(tmp_path))

    page, document = write(facts)

    for tag, attributes in _Page(page).attributes:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, name)
    assert "url(" not in page.replace("url(#", "")
    assert "http" not in page
    assert str(tmp_path) not in page + json.dumps(document)


def test_readable_by_all(write, tmp_path):
    """Pictures have a text, names occur once, and what scrolls takes the keyboard."""
    page, _ = write(example_facts(**example_extras(tmp_path)))

    attributes = _Page(page).attributes
    assert all(a.get("alt") for tag, a in attributes if tag == "img")
    assert all(a.get("aria-label") for tag, a in attributes if tag == "svg")
    ids = [a["id"] for tag, a in attributes if "id" in a and tag == "section"]
    assert len(ids) == len(set(ids)) == 9
    links = {a["href"][1:] for tag, a in attributes if tag == "a"}
    assert links <= set(ids)
    wide = [a for _, a in attributes if a.get("class") == "wide"]
    assert wide and all(a["tabindex"] == "0" for a in wide)


@pytest.mark.parametrize(
    "labels",
    [
        ("ピザ", "アイス"),
        ("قطة", "كلب"),
        ("<script>alert(1)</script>", '"&amp;'),
        ("$\\foo$", "{{ 7 * 7 }}"),
    ],
)
def test_labels_of_any_script(write, labels):
    """A label of any script or with any sign is shown as it is, and is never markup."""
    page, document = write(example_facts(labels=labels, name=labels[0]))

    read = _Page(page)
    assert all(label in read.text for label in labels)
    assert "script" not in read.tags
    assert document["contract"]["labels"] == list(labels)


@pytest.mark.parametrize("count", [13, 50, 1000])
def test_many_classes(write, count):
    """With many classes the commonest confusions are listed, the rest is folded."""
    labels = [f"class {number:04d}" for number in range(count)]

    page, document = write(example_facts(labels=labels, photos_per_class=2))

    read = _Page(page)
    assert "matrix" not in [a.get("class") for _, a in read.attributes]
    assert len(page.encode()) < 2_000_000
    assert len(document["test"]["confusions"]) == count
    assert (document["test"]["confusion"] is None) == (count > 50)
    # One row a class, and up to twenty confusions, one stage, three headings.
    assert read.tags.count("tr") >= count + min(count, 20) + 4


def test_no_number(write):
    """A loss that ran away is null in the data, and the page is written."""
    facts = example_facts()
    (stage,) = facts.stages
    history = dataclasses.replace(stage.history, train_loss=(0.9, float("nan"), 0))
    stage = dataclasses.replace(stage, history=history)

    _, document = write(example_facts(stages=(stage,)))

    assert document["stages"][0]["history"]["train_loss"] == [0.9, None, 0]


def test_photo_that_is_gone(write, tmp_path):
    """A near-duplicate whose file was deleted meanwhile is named, without a picture."""
    extras = example_extras(tmp_path)
    extras["near_duplicates"][0].second.path.unlink()

    page, document = write(example_facts(**extras))

    assert "train and test" not in _Page(page).text
    assert len(document["near_duplicates"]) == 1


@pytest.mark.parametrize(
    "accuracy, shuffles, told",
    [(0.9, 3, "in 3 shuffles: look for a leak"), (0.5, 2, "in shuffle 2, before it")],
)
def test_shuffled_labels(write, accuracy, shuffles, told):
    """What is learned in every shuffle is called a leak; luck is not hidden."""
    run = ShuffledRun(accuracy=accuracy, count=200, chance=0.5, shuffles=shuffles)
    page, document = write(example_facts(shuffled=run))

    assert told in _Page(page).text
    assert document["shuffled_labels"]["is_chance"] is (accuracy == 0.5)


def test_weighted_facts(write):
    """Where photos have weights, their accuracy stands beside the plain count."""
    facts = example_facts()
    weighted = WeightedAccuracy(accuracy=0.8, effective_count=5, majority_baseline=0.6)
    evaluation = dataclasses.replace(facts.evaluation, weighted=weighted)

    page, document = write(dataclasses.replace(facts, evaluation=evaluation))

    text = _Page(page).text
    assert "80.0 % weighted accuracy" in text and "as much as 5 equal photos" in text
    assert "75.0 % 6 of 8 test photos right" in text
    told = document["test"]["weighted"]
    assert (told["accuracy"], told["effective_count"]) == (0.8, 5.0)
    assert told["interval_95"] == list(weighted.interval)
