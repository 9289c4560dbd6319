"""Reading tables: whatever a file looks like, its values or a clear refusal."""

import csv
import io
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import DataError, FileError, UnknownNameError
from chainrule.tabular import Kind, csv_file, read, records
from chainrule.tabular.datasets import NAMES
from chainrule.tabular.inference import MANY_TEXTS
from chainrule.tabular.targets import infer_task


@pytest.fixture
def table(tmp_path):
    """Writes a file and reads it."""

    def read_text(content, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read(str(path), **options).frame

    return read_text


def test_mixed_columns_get_the_types_that_they_hold(table):
    frame = table(
        "size,price,open,city,empty\n"
        "1,2.5,true,Paris,\n"
        "2,,FALSE,Rome,NA\n"
        "300,1e3,True,?,\n"
        ',-0.125,,"a, ""b""",nan\n'
    )
    assert frame["size"].fill_nan(None).to_list() == [1, 2, 300, None]
    assert frame["price"].fill_nan(None).to_list() == [2.5, None, 1000, -0.125]
    assert frame["open"].to_list() == [True, False, True, None]
    assert frame["city"].to_list() == ["Paris", "Rome", None, 'a, "b"']
    assert frame["empty"].fill_nan(None).null_count() == 4


@pytest.mark.parametrize("separator", csv_file.SEPARATORS)
def test_the_separator_is_found(table, separator):
    rows = [["name", "x y", "z"], ["a, b; c", "1.5", "3"], ["d|e\tf", "2.5", "4"]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    frame = table(text.getvalue())
    assert frame.columns == rows[0]
    assert frame["name"].to_list() == ["a, b; c", "d|e\tf"]
    assert frame["x y"].to_list() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\n3,14;1\n-2,5;2\n", [3.14, -2.5]),
        ("a;b\n3,14;1\n2.5;2\n", [3.14, 2.5]),
        ("a;b\n3.14;1\n2.5;2\n", [3.14, 2.5]),
    ],
)
def test_a_comma_may_be_the_decimal_point_between_semicolons(table, content, expected):
    assert table(content)["a"].to_list() == expected


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("a,b\r\n1,x\r\n2,y\r\n", ["a", "b"], [(1, "x"), (2, "y")]),
        ("\ufeffa,b\n1,x\n2,y", ["a", "b"], [(1, "x"), (2, "y")]),
        ("\n\na,b\n\n1,x\n\n2,y\n\n\n", ["a", "b"], [(1, "x"), (2, "y")]),
        (" a , b \n 1 , x \n 2 ,\ty\n", ["a", "b"], [(1, "x"), (2, "y")]),
        (",b\n7,x\n9,y\n", ["column 1", "b"], [(7, "x"), (9, "y")]),
        ('"a\nb",c\n1,"x\ny"\n', ["a\nb", "c"], [(1, "x\ny")]),
        ('a,b\n1,5" pipe\n2,"6"" pipe"\n', ["a", "b"], [(1, '5" pipe'), (2, '6" pipe')]),
        ('a,b\n5",x\n6",y\n', ["a", "b"], [('5"', "x"), ('6"', "y")]),
        ("a\n1\n2\n", ["a"], [(1,), (2,)]),
        ("größe,b\n1,naïve\n", ["größe", "b"], [(1, "naïve")]),
        ("a,b\nNone,x\nNone,y\n", ["a", "b"], [("None", "x"), ("None", "y")]),
    ],
)
def test_the_ways_in_which_files_are_written(table, content, columns, rows):
    frame = table(content)
    assert frame.columns == columns
    assert frame.rows() == rows


TEXTS = st.text(st.sampled_from("ab1,;\t\"'\n\r é.-"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS, st.just("end")), min_size=1, max_size=12),
    block=st.integers(24, 64),
)
def test_whatever_the_csv_module_writes_is_read_back_however_it_is_cut(
    tmp_path_factory, rows, block
):
    """All columns as text, in blocks of a line or two: quotes and line ends fall on every cut."""
    path = tmp_path_factory.mktemp("cut") / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "third"])
        writer.writerows(rows)
    kinds = dict.fromkeys(["first", "second", "third"], Kind.TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "BLOCK_BYTES", block)
        frame = read(str(path), kinds=kinds).frame
    missing = {"", *records.MISSING}
    expected = [
        tuple(None if text.strip().lower() in missing else text.strip() for text in row)
        for row in rows
    ]
    assert frame.rows() == expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["01067", "80331"], pl.Enum(["01067", "80331"])),
        (["80331", "007"], pl.Enum(["007", "80331"])),
        (["0", "10"], pl.Float32),
        (["0.5", "0"], pl.Float32),
        (["-05", "5"], pl.Float32),
        (["00.5", "5"], pl.Float32),
    ],
)
def test_whole_numbers_that_begin_with_a_zero_are_texts(table, values, kind):
    frame = table("code,n\n" + "".join(f"{value},1.5\n" for value in values))
    assert frame["code"].dtype == kind
    if kind != pl.Float32:
        assert frame["code"].to_list() == values


def test_a_late_word_turns_a_column_into_text_from_its_first_row(table, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 64)
    numbers = [f"{value}.50" for value in range(60)]
    words = [f"w{value}" for value in range(60)]
    frame = table("code,n\n" + "".join(f"{code},1.5\n" for code in numbers + words))
    assert frame["code"].to_list() == numbers + words
    assert frame["n"].to_list() == [1.5] * 120


def test_a_column_that_begins_without_values_gets_its_type_later(table, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 32)
    blank = ",,,1\n" * 30
    frame = table("number,text,flag,last\n" + blank + "2.5,word,true,1\n" + ",,,1\n")
    assert frame["number"].fill_nan(None).to_list() == [None] * 30 + [2.5, None]
    assert frame["text"].to_list() == [None] * 30 + ["word", None]
    assert frame["flag"].to_list() == [None] * 30 + [True, None]


def test_many_different_texts_are_read_as_they_are(table, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 1 << 14)
    texts = [f"text {number}" for number in range(MANY_TEXTS + 100)] + ["", "text 0"]
    frame = table("a,b\n" + "".join(f"{text},1\n" for text in texts))
    assert frame["a"].to_list() == [text or None for text in texts]


def test_numbers_keep_every_digit(table):
    written = ["0.1", "16777217", "123456789.123456789", "1e-300", "1.7976931348623157e308"]
    frame = table("a,b\n" + "".join(f"{text},1\n" for text in written))
    assert frame["a"].to_list() == [float(text) for text in written]


def test_progress_ends_at_the_length_of_the_file(table, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 100)
    calls = []
    table("a,b\n" + "1,2\n" * 500, progress=lambda done, total: calls.append((done, total)))
    size = (tmp_path / "data.csv").stat().st_size
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1] == (size, size)
    assert len(calls) > 10


def test_parquet_is_read_with_its_own_types(tmp_path):
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", "y", None], "c": [True, None, False]})
    frame.write_parquet(tmp_path / "data.parquet")
    assert read(str(tmp_path / "data.parquet")).frame.equals(frame)
    assert read(str(tmp_path / "data.parquet"), columns=["b"]).frame.columns == ["b"]


BAD_FILES = [
    ("empty", "", "is empty"),
    ("blank", " \n\n", "is empty"),
    ("header only", "a,b\n", "has a header but no rows"),
    ("header, blank lines", "a,b\n\n\n", "has a header but no rows"),
    ("twice the same name", "a,b,a\n1,2,3\n", "columns 1 and 3 are both called 'a'"),
    ("row too long", "a,b\n1,2\n3,4,5\n6,7\n", "line 3: 3 fields, but the header names 2"),
    ("row too short", "a,b\n1,2\n3\n6,7\n", "line 3: 1 field, but the header names 2"),
    ("short, others missing", "a,b\n1,\n\n3\n6,\n", "line 4: 1 field, but the header names 2"),
    ("short after quotes", 'a,b\n"1\n1",2\n3\n', "line 4: 1 field"),
    ("first row too short", "a,b,c\n1,2\n", "line 2: 2 fields, but the header names 3"),
    ("open quote", 'a,b\n1,2\n3,"4\n5,6\n', "line 3: a quote is opened there and never closed"),
    ("text behind a quote", 'a,b\n1,"2"3\n4,5\n', "line 2: "),
    ("Latin-1", "a,b\n1,x\n2,café\n".encode("latin-1"), "line 3: the byte 0xe9 is not UTF-8"),
    ("Latin-1 in the header", "a,é\n1,2\n".encode("latin-1"), "line 1: the byte 0xe9"),
    ("old line ends", "a,b\r1,2\r3,4\r", "bare carriage returns"),
    ("stray line end", "a,b\n1,2\n3\r3,\n", "line 3: a carriage return in the middle"),
    ("UTF-16", "a,b\n1,2\n".encode("utf-16"), "is encoded as UTF-16; save it as UTF-8"),
    ("binary", b"a,b\n1,\x002\n", "zero byte"),
    ("a word among numbers", "a,b\n" + "1,2\n" * 30 + "oops,2\n", "'oops' in row 31 is none"),
]


@pytest.mark.parametrize(
    ("content", "message"), [row[1:] for row in BAD_FILES], ids=[row[0] for row in BAD_FILES]
)
def test_a_bad_file_is_refused_with_its_line(table, content, message):
    with pytest.raises(DataError) as caught:
        table(content)
    assert message in str(caught.value)
    assert "data.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_line_numbers_count_on_across_blocks(table, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 50)
    with pytest.raises(DataError, match="line 402: 3 fields"):
        table("a,b\n" + "1,2\n" * 400 + "1,2,3\n" + "1,2\n" * 100)


def test_a_quote_that_swallows_the_file_is_refused_before_it_fills_the_memory(table, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 100)
    monkeypatch.setattr(csv_file, "LONGEST_RECORD", 1000)
    with pytest.raises(DataError, match="line 3: a row of more than"):
        table('a,b\n1,2\n"3,4\n' + "1,2\n" * 1000)


def test_what_must_be_numbers_is_refused_where_it_is_not(table):
    content = "a,b\n1,x\nword,y\n"
    with pytest.raises(DataError, match="column 'a' must hold numbers, but row 2 holds 'word'"):
        table(content, kinds={"a": Kind.NUMBER})
    assert table("a,b\n1,x\n2,y\n", kinds={"a": Kind.TEXT})["a"].to_list() == ["1", "2"]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("no/such.csv", FileError, "there is no file no/such.csv"),
        (".", FileError, "is a folder"),
        ("sklearn:irs", UnknownNameError, "did you mean 'iris'?"),
    ],
)
def test_what_cannot_be_found(source, error, message):
    with pytest.raises(error, match=message.replace("?", r"\?")):
        read(source)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read(str(tmp_path / "bad.parquet"))


@pytest.mark.parametrize("name", NAMES)
def test_each_data_set_of_scikit_learn_has_a_target(name):
    table = read(f"sklearn:{name}")
    assert table.target == "target"
    assert table.frame.height > 100
    task, _ = infer_task(table.frame["target"])
    assert task == ("regression" if name == "diabetes" else "classification")


def test_iris_has_its_names():
    frame = read("sklearn:iris").frame
    assert frame.columns[0] == "sepal length (cm)"
    assert set(frame["target"]) == {"setosa", "versicolor", "virginica"}


def test_without_polars_one_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['polars'] = None\n"
        "from chainrule.errors import ChainruleError\n"
        "try:\n    import chainrule.tabular\n"
        "except ChainruleError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "reading tables needs polars: pip install 'chainrule[cli]'"
