"""Tables become arrays: columns, targets, and what is kept of them in a file."""

import json
import math

import numpy as np
import polars as pl
import pytest

from chainrule.errors import DataError, FileError
from chainrule.tabular import Kind, Preprocessor, preprocessing
from chainrule.tabular.encoders import ENCODERS
from chainrule.tabular.preprocessing import one_hot
from chainrule.tabular.targets import TARGETS, Classes, Values, infer_task, labelled_rows

SMALL = pl.DataFrame(
    {
        "size": [1.0, 2.0, 3.0, None, 6.0],
        "flag": [True, False, None, True, True],
        "city": ["Rome", "Paris", "Rome", None, "Oslo"],
        "n": [10, 20, 30, 40, 50],
        "y": ["a", "b", "a", "b", "a"],
    }
)


def test_features_follow_the_stated_rules():
    learned = Preprocessor.fit(SMALL, "y")
    assert learned.feature_names == [
        "size",
        "size is missing",
        "flag",
        "flag is missing",
        "city = Oslo",
        "city = Paris",
        "city = Rome",
        "city is missing",
        "n",
    ]
    matrix = learned.transform(SMALL)
    assert matrix.dtype == np.float32
    spread = math.sqrt(3.5)  # of 1, 2, 3, 6, whose mean is 3 and whose median is 2.5
    expected_size = [-2 / spread, -1 / spread, 0, -0.5 / spread, 3 / spread]
    np.testing.assert_allclose(matrix[:, 0], expected_size, rtol=1e-6)
    np.testing.assert_array_equal(
        matrix[:, 1:8],
        [
            [0, 1, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 1, 0, 0],
            [0, 1, 1, 0, 0, 1, 0],
            [1, 1, 0, 0, 0, 0, 1],
            [0, 1, 0, 1, 0, 0, 0],
        ],
    )
    np.testing.assert_allclose(matrix[:, 8], np.array([-2, -1, 0, 1, 2]) / math.sqrt(2), rtol=1e-6)
    np.testing.assert_array_equal(learned.target(SMALL), [0, 1, 0, 1, 0])


def test_the_compact_form_holds_a_category_in_one_column():
    learned = Preprocessor.fit(SMALL, "y")
    encoded = learned.encode(SMALL)
    assert learned.sizes == [0, 0, 0, 0, 4, 0]
    np.testing.assert_array_equal(encoded[:, 4], [2, 1, 2, 3, 0])
    np.testing.assert_array_equal(one_hot(encoded, learned.sizes), learned.transform(SMALL))


def test_only_the_training_rows_teach():
    frame = pl.DataFrame({"a": [0.0, 2.0, 1e6], "c": ["x", "y", "z"], "y": [0.5, 1.5, 9e9]})
    learned = Preprocessor.fit(frame, "y", rows=np.array([0, 1]))
    assert learned.feature_names == ["a", "c = x", "c = y"]
    matrix = learned.transform(frame)
    np.testing.assert_allclose(matrix[:2], [[-1, 1, 0], [1, 0, 1]])
    np.testing.assert_allclose(matrix[2], [1e6 - 1, 0, 0])
    np.testing.assert_array_equal(learned.transform(frame, np.array([2, 0])), matrix[[2, 0]])
    np.testing.assert_allclose(learned.target(frame, np.array([1])), [1])


def test_small_differences_of_large_numbers_survive():
    values = 1.7e9 + np.arange(100.0)
    frame = pl.DataFrame({"seconds": values, "y": np.arange(100.0)})
    column = Preprocessor.fit(frame, "y").transform(frame)[:, 0]
    np.testing.assert_allclose(column, (np.arange(100) - 49.5) / np.arange(100).std(), rtol=1e-6)


def test_a_number_far_outside_the_training_stays_finite():
    frame = pl.DataFrame({"a": [0.0, 1.0, 2.0], "y": [1.0, 2.0, 4.0]})
    learned = Preprocessor.fit(frame, "y")
    huge = frame.with_columns(a=pl.Series([1e300, -1e300, 0.0]))
    assert np.isfinite(learned.transform(huge)).all()


def test_what_the_training_never_met_is_noted():
    train = pl.DataFrame(
        {"a": [1.0, 2.0, 3.0], "f": [True, False, True], "c": ["x", "y", "x"], "y": [1.0, 2.5, 3.0]}
    )
    new = pl.DataFrame({"a": [None, 2.0, 5.0], "f": [None, True, True], "c": ["new", None, "x"]})
    learned = Preprocessor.fit(train, "y")
    matrix = learned.transform(new)
    np.testing.assert_array_equal(matrix[:, 2:], [[0, 0], [0, 0], [1, 0]])
    np.testing.assert_array_equal(matrix[0, :2], [0, 1])  # the median, the majority
    notes = learned.notes(new)
    assert [note.split("'")[1] for note in notes] == ["a", "f", "c", "c"]
    assert "2, the median, is used" in notes[0]
    assert "1 category unknown to the network ('new')" in notes[2]
    assert learned.notes(train) == []


def test_rare_categories_share_a_feature():
    words = ["a"] * 30 + ["b"] * 20 + ["c"] * 10 + ["d", "e"]
    frame = pl.DataFrame({"w": words, "y": np.arange(62) % 2 == 0})
    learned = Preprocessor.fit(frame, "y", max_categories=3)
    assert learned.feature_names == ["w = a", "w = b", "w is rare"]
    new = pl.DataFrame({"w": ["a", "c", "never met", None]})
    np.testing.assert_array_equal(
        learned.transform(new), [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    )


def test_numbers_may_be_declared_categories():
    frame = pl.DataFrame(
        {"zip": [100.0, 200.0, 100.0, 300.0], "x": [1.0, 2.0, 4.0, 8.0], "y": [1.0, 2.0, 3.0, 5.0]}
    )
    learned = Preprocessor.fit(frame, "y", categories=["zip"])
    assert learned.feature_names[:3] == ["zip = 100", "zip = 200", "zip = 300"]
    assert learned.kinds["zip"] is Kind.TEXT
    as_text = frame.with_columns(zip=pl.Series(["100", "200", "100", "300"]))
    np.testing.assert_array_equal(learned.transform(frame), learned.transform(as_text))


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("constant", [3.0] * 6, "always 3.0"),
        ("empty", [None] * 6, "no values"),
        ("person", list("abcdef"), "nearly every row has a text of its own"),
        ("customer_id", [17, 3, 99, 4, 5, 6], "numbers the rows"),
        ("PassengerId", [1, 2, 3, 4, 5, 6], "numbers the rows"),
        ("column 1", [1, 2, 3, 4, 5, 6], "numbers the rows"),
    ],
)
def test_columns_without_use_are_left_out_and_said_so(name, values, reason):
    frame = pl.DataFrame({name: values, "x": [1.0, 2, 4, 8, 16, 32], "y": [1.5, 2, 3, 4, 5, 7]})
    learned = Preprocessor.fit(frame, "y")
    assert learned.left_out == {name: reason}
    assert learned.feature_names == ["x"]


@pytest.mark.parametrize("name", ["humidity", "paid", "grid", "count", "x"])
def test_a_column_is_no_identifier_for_the_end_of_its_name(name):
    frame = pl.DataFrame({name: np.arange(1.0, 7.0), "y": np.arange(1.0, 7.0) ** 2})
    assert Preprocessor.fit(frame, "y").left_out == {}


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-03-01", "2023-12-31"],
        ["2024-03-01 12:00", "2023-12-31 08:15"],
        ["2024-03-01T12:00:00.5Z", "2023-12-31T08:15:00+02:00"],
        ["1/31/24", "12/1/2023"],
        ["31.12.2023", "1.1.2024"],
        ["5 Mar 2024", "17-December-2023"],
        ["March 5, 2024", "Dec 17, 2023"],
        ["12:30", "08:15:59"],
    ],
)
def test_dates_are_refused_with_advice(dates):
    frame = pl.DataFrame({"when": dates * 10, "y": np.arange(20.0)})
    with pytest.raises(DataError, match=r"'when' holds dates or times .* the weekday.*--drop when"):
        Preprocessor.fit(frame, "y")
    assert (
        "when"
        in Preprocessor.fit(
            frame.with_columns(x=pl.Series(np.arange(20.0) ** 2)), "y", drop=["when"]
        ).left_out
    )


@pytest.mark.parametrize(
    "written",
    [
        ["$1,200.50", "$90.00"],
        ["12%", "9.5 %"],
        ["1,234", "999"],
        ["1.234,50", "90,5"],
        ["1'234.5", "10.5"],
        ["1\u202f234", "12"],
        ["-1 200 €".replace(" ", "\u00a0", 1), "90 €"],
        ["EUR 12", "EUR -3"],
        ["(1,200)", "3"],
    ],
)
def test_numbers_that_are_written_for_people_are_refused_with_advice(written):
    frame = pl.DataFrame({"pay": written * 10, "y": np.arange(20.0)})
    for target, remedy in (("y", "--categories pay"), ("pay", "--task classification")):
        with pytest.raises(DataError, match=rf"'pay' holds numbers with .*{remedy}"):
            Preprocessor.fit(frame, target)
    assert len(Preprocessor.fit(frame, "y", categories=["pay"]).feature_names) == 2
    classes = Preprocessor.fit(frame, "pay", task="classification").label
    assert sorted(classes.classes) == sorted(written)


def test_some_prices_among_texts_do_not_make_a_column_of_numbers():
    frame = pl.DataFrame({"t": ["$5", "free", "ask"] * 10, "y": np.arange(30.0)})
    assert len(Preprocessor.fit(frame, "y").feature_names) == 3


@pytest.mark.parametrize("texts", [["1-2", "3-4"], ["v1.2.3", "v1.2.4"], ["10:30:1:1", "May"]])
def test_texts_that_only_resemble_dates_are_texts(texts):
    frame = pl.DataFrame({"t": texts * 10, "y": np.arange(20.0)})
    assert len(Preprocessor.fit(frame, "y").feature_names) == 2


def test_a_parquet_column_of_dates_is_refused():
    frame = pl.DataFrame(
        {
            "day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 9), eager=True),
            "y": np.arange(9.0),
        }
    )
    with pytest.raises(DataError, match="dates or times"):
        Preprocessor.fit(frame, "y")


REFUSED = [
    ("unknown target", {"price": [1.0, 2.0]}, "prise", "did you mean 'price'?"),
    ("one class", {"x": [1.0, 2.0], "y": ["a", "a"]}, "y", "one value only (a)"),
    ("one number", {"x": [1.0, 2.0], "y": [2.5, 2.5]}, "y", "one value only (2.5)"),
    ("infinite", {"x": [1.0, 2.0, math.inf], "y": [1.0, 2.0, 3.5]}, "y", "infinite (inf) in row 3"),
    ("infinite target", {"x": [1.0, 2.0], "y": [1.5, -math.inf]}, "y", "(-inf) in row 2"),
    ("nothing to learn from", {"x": [1.0, 1.0], "y": [1.5, 2.0]}, "y", "'x': always 1.0"),
    ("only a target", {"y": [1.5, 2.0]}, "y", "only the target"),
    ("lists", {"x": [[1], [2]], "y": [1.5, 2.0]}, "y", "no place in an array"),
    ("too many classes", {"x": np.arange(9.0), "y": list("abcdefghi")}, "y", "9 different classes"),
    ("too large", {"x": [1e200, -1e200, 3], "y": [1.5, 2, 3]}, "y", "too large to be squared"),
]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize(
    ("columns", "target", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_table_that_cannot_be_learned_is_refused(columns, target, message):
    with pytest.raises(DataError) as caught:
        Preprocessor.fit(pl.DataFrame(columns, strict=False), target)
    assert message in str(caught.value)


def test_other_columns_are_refused_by_name():
    learned = Preprocessor.fit(SMALL, "y")
    with pytest.raises(DataError) as caught:
        learned.transform(SMALL.rename({"size": "length", "n": "m"}))
    assert "'size', 'n', and has others: 'length', 'm'" in str(caught.value)
    swapped = SMALL.with_columns(size=pl.col("city"), city=pl.col("flag"))
    with pytest.raises(DataError, match="'size' must hold numbers, but row 1 holds 'Rome'"):
        learned.transform(swapped)
    with pytest.raises(DataError, match="'flag' must hold true or false, not numbers"):
        learned.transform(SMALL.with_columns(flag=pl.col("n")))


def test_a_preprocessing_survives_its_own_json():
    for target in ("y", "n"):
        learned = Preprocessor.fit(SMALL, target)
        again = Preprocessor.from_config(json.loads(json.dumps(learned.config())))
        assert again == learned
        np.testing.assert_array_equal(again.transform(SMALL), learned.transform(SMALL))


def damaged_configs():
    good = Preprocessor.fit(SMALL, "y").config()

    def changed(**changes):
        return good | changes

    number, _, category, _ = good["columns"]
    yield "nothing", None
    yield "a list", []
    yield "no columns", changed(columns=[])
    yield "columns missing", {key: good[key] for key in ("target", "left_out")}
    yield "twice", changed(columns=[number, number])
    yield "target among them", changed(columns=[{**number, "column": "y"}])
    yield "unknown encoder", changed(columns=[{**number, "name": "os.system"}])
    yield "zero scale", changed(columns=[{**number, "scale": 0}])
    yield "text for a number", changed(columns=[{**number, "mean": "1"}])
    yield "infinite", changed(columns=[{**number, "mean": math.inf}])
    yield "setting missing", changed(columns=[{k: v for k, v in number.items() if k != "mean"}])
    yield "setting too many", changed(columns=[{**number, "code": "1"}])
    yield "category twice", changed(columns=[{**category, "categories": ["a", "a"]}])
    yield "categories a text", changed(columns=[{**category, "categories": "ab"}])
    yield "category a number", changed(columns=[{**category, "categories": [1]}])
    yield "column a number", changed(columns=[{**number, "column": 3}])
    yield "target", changed(target={"name": "Classes"})
    yield "kind", changed(target={**good["target"], "holds": "pickle"})
    yield "shares", changed(target={**good["target"], "shares": [0.5, 2]})
    yield "too few shares", changed(target={**good["target"], "shares": [0.5]})
    yield "left out", changed(left_out=["a"])


@pytest.mark.parametrize(
    ("_name", "config"), list(damaged_configs()), ids=[name for name, _ in damaged_configs()]
)
def test_a_damaged_preprocessing_is_refused(_name, config):
    with pytest.raises(FileError, match="the file is damaged"):
        Preprocessor.from_config(config, "the file")


def test_every_encoding_is_exercised_here():
    used = {type(e).__name__ for e in Preprocessor.fit(SMALL, "y").encoders}
    assert used == set(ENCODERS)
    assert set(TARGETS) == {"Classes", "Values"}


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", None], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1, 0], "classification"),
        ([3.0, 4.0, None, 8.0] * 2, "classification"),
        ([3.0, 4.0, None, 8.0], "regression"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 2, "regression"),
        ([0.0, 0.5, 1.0], "regression"),
    ],
)
def test_the_task_follows_from_the_target(values, task):
    assert infer_task(pl.Series("y", values))[0] == task


def test_class_names_are_sorted_as_people_count():
    assert Classes.learn(pl.Series("y", [10, 9, 1, 9, 10, 1])).classes == ("1", "9", "10")
    assert Classes.learn(pl.Series("y", ["b", "a", "2"] * 3)).classes == ("2", "a", "b")
    assert Classes.learn(pl.Series("y", [True, False])).classes == ("false", "true")


@pytest.mark.parametrize("name", ["rows", "text", "value", "count", "column_1", ""])
def test_no_column_name_is_reserved(name):
    frame = pl.DataFrame({name: ["a", "b", "a", "b"], "x": [1.0, 2.0, 2.5, 4.0]})
    assert Preprocessor.fit(frame, "x").feature_names == [f"{name} = a", f"{name} = b"]
    assert Preprocessor.fit(frame, name).label.classes == ("a", "b")
    numbers = frame.with_columns(pl.Series(name, [1.0, 2.0, 1.5, 1.0]))
    learned = Preprocessor.fit(numbers, "x", categories=[name])
    assert learned.feature_names == [f"{name} = {text}" for text in ("1", "1.5", "2")]


def test_a_large_table_is_encoded_like_a_small_one(monkeypatch):
    whole = Preprocessor.fit(SMALL, "y").encode(SMALL)
    monkeypatch.setattr(preprocessing, "ROWS_AT_ONCE", 2)
    np.testing.assert_array_equal(Preprocessor.fit(SMALL, "y").encode(SMALL), whole)
    rows = np.array([4, 0, 2])
    np.testing.assert_array_equal(Preprocessor.fit(SMALL, "y").encode(SMALL, rows), whole[rows])


def test_the_shares_of_the_classes_are_kept():
    classes = Classes.learn(pl.Series("y", ["b", "a", "b", None, "b"]))
    assert dict(zip(classes.classes, classes.shares, strict=True)) == {"a": 0.25, "b": 0.75}


def test_values_return_to_their_own_units():
    series = pl.Series("y", [10.0, 20.0, 60.0])
    values = Values.learn(series)
    encoded = values.encode(series)
    assert abs(encoded.mean()) < 1e-6
    assert abs(encoded.std() - 1) < 1e-6
    np.testing.assert_allclose(values.decode(encoded.reshape(-1, 1)), series, rtol=1e-6)


def test_rows_without_a_target_are_told_apart():
    np.testing.assert_array_equal(labelled_rows(pl.Series([1.0, None, math.nan, 4.0])), [0, 3])
    np.testing.assert_array_equal(labelled_rows(pl.Series(["a", None, "b"])), [0, 2])


def test_an_unknown_class_is_refused_with_its_row():
    classes = Classes.learn(pl.Series("y", ["a", "b", "a"]))
    np.testing.assert_array_equal(classes.encode(pl.Series("y", ["b", None])), [1, -1])
    with pytest.raises(DataError, match="'y' holds 'c' in row 2"):
        classes.encode(pl.Series("y", ["b", "c"]))
