"""The command line as a user meets it: what it prints, leaves, refuses and returns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule import cli, examples, plots
from chainrule.callbacks import EarlyStopping
from chainrule.cli import folder as folders
from chainrule.cli import job, main, networks, scores, terminal, train
from chainrule.cli.terminal import figure
from chainrule.losses import LOSSES
from chainrule.tabular import Preprocessor, split

FAST = ["--layers", "8", "--epochs", "3"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands write into the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    """Drawing takes longer than all else here; one test does, and test_plots.py looks closely."""

    def write_names(folder, figures):
        for name in figures:
            (folder / name).touch()

    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(folders, "write_figures", write_names)
        monkeypatch.setattr(plots, "plot_history", lambda *arguments: None)


@pytest.fixture
def pictures():
    """For a test that wants the real figures."""


@pytest.fixture
def run(capsys):
    """Runs a command line; its exit code, standard output and standard error."""

    def command(*arguments):
        code = main([str(argument) for argument in arguments])
        output, error = capsys.readouterr()
        return code, output, error

    return command


def options(**changes):
    """What `chainrule train` asks for by itself, but for the changes."""
    return job.Options(
        **{
            "data": "",
            "target": None,
            "task": None,
            "drop": (),
            "categories": (),
            "numbers": (),
            "balance": False,
            "layers": None,
            "activation": "relu",
            "dropout": 0.0,
            "loss": None,
            "optimizer": "adam",
            "rate": None,
            "epochs": None,
            "batch_size": None,
            "validation": 0.2,
            "test": 0.2,
            "seed": 0,
            "engine": None,
            **changes,
        }
    )


def houses(count, seed=0):
    """Numbers, gaps, booleans, categories, an identifier, and two targets."""
    generator = np.random.default_rng(seed)
    size = generator.uniform(40, 200, count).round(1)
    city = generator.choice(["Oslo", "Paris", "Rome"], count)
    garden = generator.random(count) < 0.4
    price = 2 * size + 80 * (city == "Paris") + 50 * garden + generator.normal(size=count) * 5
    return pl.DataFrame(
        {
            "id": np.arange(count),
            "size": size,
            "rooms": pl.Series(generator.integers(1, 7, count)),
            "garden": garden,
            "city": city,
            "price": price.round(2),
            "dear": np.where(price > 260, "yes", "no"),
        }
    ).with_columns(pl.when(pl.col("size") < 190).then("size"))


@pytest.fixture
def data():
    houses(240).write_csv("houses.csv")
    return "houses.csv"


@pytest.fixture
def classifier(run, data):
    code, _, error = run("train", data, "--target", "dear", "--drop", "price", "--epochs", 20)
    assert (code, error) == (0, "")
    return "houses-network"


# -- The frame -------------------------------------------------------------------------------------


def test_without_arguments_the_help_is_shown(run):
    code, output, error = run()
    assert (code, error) == (0, "")
    for name in cli.COMMANDS:
        assert f"\n  {name}" in output
    assert run("--help")[1] == output


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(run, name):
    code, output, _ = run(name, "--help")
    assert code == 0
    assert f"Usage: chainrule {name}" in output
    assert "--json" in output


def test_the_version(run):
    assert run("--version")[1] == f"chainrule {cr.__version__}\n"


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nfrom chainrule.cli import main\nmain(['--help'])\n"
        "heavy = {'polars', 'matplotlib', 'sklearn', 'scipy', 'numpy', 'rich'}\n"
        "print('heavy', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.endswith("heavy []\n"), done.stdout + done.stderr


def test_a_reader_that_has_enough_is_no_error(classifier, data):
    command = [sys.executable, "-m", "chainrule", "predict", classifier, data, "--out", "-"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.close()
    _, error = writer.communicate()
    assert (writer.returncode, error) == (0, b"")


def one_class():
    houses(20).with_columns(dear=pl.lit("no")).write_csv("one.csv")
    return "one.csv"


def dates():
    houses(20).with_columns(sold=pl.lit("2024-03-01")).write_csv("dates.csv")
    return "dates.csv"


def infinite():
    houses(20).with_columns(rooms=pl.lit(float("inf"))).write_csv("infinite.csv")
    return "infinite.csv"


def zeros():
    houses(20).with_columns(no=pl.Series([f"{row:04d}" for row in range(20)])).write_csv("no.csv")
    return "no.csv"


def written(content):
    with open("bad.csv", "w", encoding="utf-8") as file:
        file.write(content)
    return "bad.csv"


BAD = [
    (["trian"], "there is no command 'trian'; did you mean 'train'?"),
    (["train"], "Missing argument 'DATA'"),
    (["train", "no.csv", "--target", "x"], "there is no file no.csv"),
    (["train", "DATA"], "name the column to predict with --target; the columns are 'id', 'size'"),
    (["train", "DATA", "--target", "prise"], "no target column 'prise'; did you mean 'price'?"),
    (["train", "DATA", "--target", "price", "--drop", "citi"], "did you mean 'city'?"),
    (["train", "DATA", "--target", "price", "--balance"], "and this is a regression"),
    (["train", "DATA", "--target", "price", "--numbers", "sise"], "did you mean 'size'?"),
    (["train", "DATA", "--target", "price", "--numbers", "city"], "'city' must hold numbers, but"),
    (["train", "DATA", "--target", "dear", "--loss", "cross_entrpy"], "mean 'cross_entropy'?"),
    (["train", "DATA", "--target", "dear", "--loss", "huber"], "does not fit this classification"),
    (["train", "DATA", "--target", "dear", "--activation", "rleu"], "did you mean 'relu'?"),
    (["train", "DATA", "--target", "dear", "--optimizer", "adm"], "did you mean 'Adam'?"),
    (["train", "DATA", "--target", "dear", "--engine", "numpi"], "did you mean 'numpy'?"),
    (["train", "DATA", "--target", "dear", "--layers", "64,x"], "'x' is no number of units"),
    (["train", "DATA", "--target", "dear", "--layers", "0"], "'0' is no number of units"),
    (["train", "DATA", "--target", "dear", "--batch-size", "0"], "--batch-size must be a whole"),
    (["train", "DATA", "--target", "dear", "--epochs", "0"], "--epochs must be a whole"),
    (["train", "DATA", "--target", "dear", "--lr", "nan"], "lr must be"),
    (["train", "DATA", "--target", "dear", "--lr", "x"], "'x' is not a valid float"),
    (["train", "DATA", "--target", "dear", "--validation", "0.9"], "leave nothing to train on"),
    (["train", "DATA", "--target", "dear", "--task", "regression"], "regression needs numbers"),
    (["train", "DATA", "--target", "dear", "--seed", "-1"], "seed must be a whole number, 0 or"),
    (["train", "DATA", "--target", "dear", "--epoch", "3"], "No such option"),
    ([lambda: ["train", zeros(), "--target", "no"]], "begin with a zero, write --numbers no"),
    (["train", "sklearn:irsi"], "did you mean 'iris'?"),
    (["predict", "nowhere", "DATA"], "there is no folder nowhere"),
    (["predict", ".", "DATA"], "holds no preprocessing.json"),
    (["examples", "no-such-example"], "there is no example 'no-such-example'"),
    ([lambda: ["train", one_class(), "--target", "dear"]], "one value only (no)"),
    ([lambda: ["train", dates(), "--target", "dear"]], "leave it out (--drop sold)"),
    ([lambda: ["train", infinite(), "--target", "dear"]], "'rooms' is infinite (inf) in row 1"),
    ([lambda: ["train", written(""), "--target", "a"]], "bad.csv is empty"),
    ([lambda: ["train", written("a,b\n"), "--target", "a"]], "has a header but no rows"),
    ([lambda: ["train", written("a,b\n1,2\n3\n"), "--target", "a"]], "line 3: 1 field"),
    ([lambda: ["train", written("a,b\n1,2\n3,4\n"), "--target", "a"]], "2 rows are too few"),
    ([lambda: ["train", written("a,b\n,2\n,4\n"), "--target", "a"]], "no row has a value"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_ends_with_one_line_and_exit_code_2(run, data, arguments, message):
    if callable(arguments[0]):
        arguments = arguments[0]()
    code, output, error = run(*[data if word == "DATA" else word for word in arguments])
    assert (code, output) == (2, "")
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


# -- train -----------------------------------------------------------------------------------------


def test_training_leaves_a_folder_and_says_where(run, data, pictures):
    code, output, error = run("train", data, "--target", "dear", *FAST)
    assert (code, error) == (0, "")
    folder = Path("houses-network")
    shown = ["model.json", "preprocessing.json", "metrics.json", "history.csv"]
    shown += ["history.png", "confusion.png"]
    for name in shown:
        assert (folder / name).stat().st_size > 0
        assert name in output
    assert "chainrule predict houses-network NEW.csv" in output
    assert "balanced accuracy" in output
    assert "id: numbers the rows" in output
    assert "144 to train, 48 to know when to stop, 48 to judge" in output


def test_whole_numbers_that_begin_with_a_zero_are_names(run, data):
    frame = pl.read_csv(data)
    town = {"Oslo": "01067", "Paris": "80331", "Rome": "99084"}
    frame.with_columns(pl.col("city").replace(town)).write_csv("coded.csv")
    given = ["train", "coded.csv", "--target", "price", *FAST]
    assert "names      city: whole numbers that begin with a zero" in run(*given)[1]
    config = json.loads(Path("coded-network/preprocessing.json").read_text(encoding="utf-8"))
    [city] = [each for each in config["content"]["columns"] if each["column"] == "city"]
    assert city["categories"] == list(town.values())
    assert run("predict", "coded-network", "coded.csv", "--out", "coded-predicted.csv")[0] == 0
    assert "begin with" not in run(*given, "--categories", "city")[1]
    answer = json.loads(run(*given, "--numbers", "city", "--json")[1])
    assert "OneHot(sizes=(0, 0, 0, 0, 0, 2))" in answer["network"]


def test_a_column_that_is_dropped_may_hold_anything(run, data):
    frame = pl.read_csv(data).with_columns(
        rooms=pl.when(pl.col("id") == 7).then(pl.lit("many")).otherwise(pl.col("rooms")),
    )
    frame.write_csv("stray.csv")
    code, _, error = run("train", "stray.csv", "--target", "dear", *FAST)
    assert code == 2
    assert "'many' in row 8 is none" in error
    assert "(--drop rooms)" in error
    assert run("train", "stray.csv", "--target", "dear", "--drop", "rooms", *FAST)[0] == 0


def test_the_answer_as_json(run, data):
    code, output, error = run("train", data, "--target", "dear", "--out", "here", "--json", *FAST)
    assert (code, error) == (0, "")
    answer = json.loads(output)
    assert answer["folder"] == "here"
    assert answer["rows"] == {"training": 144, "validation": 48, "test": 48, "without_target": 0}
    assert answer["left_out"] == {"id": "numbers the rows"}
    assert answer["epochs"]["trained"] == 3
    assert answer["judged_by"] == "test"
    assert sum(map(sum, answer["confusion"])) == 48
    written = json.loads(Path("here/metrics.json").read_text(encoding="utf-8"))
    assert written == {name: answer[name] for name in written}


def test_the_same_command_gives_the_same_bytes(run, data):
    for folder in ("one", "two"):
        assert run("train", data, "--target", "dear", "--out", folder, *FAST)[0] == 0
    for path in Path("one").iterdir():
        if path.suffix != ".png":
            assert path.read_bytes() == Path("two", path.name).read_bytes(), path.name


def test_a_network_learns_what_the_columns_say(run, data):
    given = ["train", data, "--lr", 0.02, "--epochs", 60, "--json", "--target"]
    answer = json.loads(run(*given, "dear", "--drop", "price")[1])
    assert answer["metrics"]["accuracy"] > 0.85 > answer["constant_guess"]["accuracy"]
    answer = json.loads(run(*given, "price", "--drop", "dear")[1])
    assert answer["task"] == "regression"
    assert answer["metrics"]["r2"] > 0.95
    assert answer["metrics"]["rmse"] < 0.2 * answer["constant_guess"]["rmse"]


@pytest.mark.parametrize("target", ["value", "kind"])
def test_no_better_than_a_constant_is_said(run, target):
    generator = np.random.default_rng(0)
    noise = {f"x{i}": generator.normal(size=80) for i in range(12)}
    noise["value"] = generator.normal(size=80)
    noise["kind"] = ["often"] * 80
    pl.DataFrame(noise).with_columns(
        kind=pl.when(pl.int_range(80) % 8 == 0).then(pl.lit("rare")).otherwise(pl.col("kind"))
    ).write_csv("noise.csv")
    other = "kind" if target == "value" else "value"
    words = [
        "train",
        "noise.csv",
        "--target",
        target,
        "--drop",
        other,
        "--epochs",
        40,
        "--lr",
        0.02,
    ]
    said = "No better than to guess " + ("the mean" if target == "value" else "the most frequent")
    answer = json.loads(run(*words, "--json")[1])
    name = "r2" if target == "value" else "balanced_accuracy"
    worse = answer["metrics"][name] <= answer["constant_guess"][name]
    assert (said in " ".join(run(*words)[1].split())) == worse
    assert worse or target == "kind"
    good = scores.Scores(9, {"r2": 0.3}, {"r2": 0.0}, "predicted.png")
    assert good.remark == ""


def test_balanced_classes_count_alike(run):
    generator = np.random.default_rng(0)
    x = generator.normal(size=600)
    rare = x + generator.normal(size=600) > 2.2
    pl.DataFrame({"x": x, "y": np.where(rare, "rare", "usual")}).write_csv("rare.csv")
    given = ["train", "rare.csv", "--target", "y", "--epochs", 40, "--lr", 0.01, "--out"]
    plain = json.loads(run(*given, "plain", "--json")[1])
    balanced = json.loads(run(*given, "balanced", "--balance", "--json")[1])
    assert (plain["balanced"], balanced["balanced"]) == (False, True)
    accuracies = [each["metrics"]["balanced_accuracy"] for each in (plain, balanced)]
    assert accuracies[1] > accuracies[0] + 0.1
    assert "every class counting alike" in run(*given, "balanced", "--balance")[1]
    result = job.run(options(data="rare.csv", target="y", balance=True, epochs=20), True)
    for part in (result.data.training, result.data.validation):
        counted = [part.weight[part.truth == label].sum() for label in (0, 1)]
        assert counted[0] == pytest.approx(counted[1], rel=0.1)
    held = result.data.validation
    judged = result.model.evaluate(held.x, held.y, held.weight)["loss"]
    assert judged == pytest.approx(min(result.history.validation_loss), rel=1e-5)


def test_the_best_weights_are_kept(data):
    result = job.run(options(data=data, target="price", drop=("dear",), epochs=80, rate=0.05), True)
    losses = result.history.validation_loss
    assert result.best_epoch == losses.index(min(losses)) + 1 < len(losses)
    held = result.data.validation
    assert result.model.evaluate(held.x, held.y)["loss"] == pytest.approx(min(losses), rel=1e-5)


def test_training_stops_when_the_validation_loss_no_longer_falls(run, data):
    arguments = ["--target", "price", "--drop", "dear", "--lr", 0.05, "--epochs", 90]
    _, output, _ = run("train", data, *arguments)
    assert "until the validation loss no longer fell" in output
    answer = json.loads(Path("houses-network/metrics.json").read_text(encoding="utf-8"))
    assert answer["epochs"]["kept"] < answer["epochs"]["trained"] < answer["epochs"]["at_most"]


def test_without_validation_all_epochs_are_trained(run, data):
    answer = json.loads(
        run("train", data, "--target", "dear", "--validation", 0, "--json", *FAST)[1]
    )
    assert answer["epochs"] == {"trained": 3, "at_most": 3, "kept": 3}
    assert answer["rows"]["validation"] == 0
    nothing_held = ["--validation", 0, "--test", 0]
    answer = json.loads(run("train", data, "--target", "dear", *nothing_held, "--json", *FAST)[1])
    assert answer["judged_by"] == "training"


def test_ctrl_c_keeps_the_best_weights_so_far(run, data, monkeypatch):
    watch = EarlyStopping.__call__

    def interrupted(self, model, epoch, logs):
        if epoch == 4:
            raise KeyboardInterrupt
        return watch(self, model, epoch, logs)

    monkeypatch.setattr(EarlyStopping, "__call__", interrupted)
    code, output, error = run("train", data, "--target", "dear", "--epochs", 50)
    assert (code, error) == (0, "")
    assert "stopped by you" in output
    assert cr.load("houses-network").params.keys() == {"1.weight", "1.bias", "3.weight", "3.bias"}


def test_ctrl_c_before_there_is_anything_to_keep(run, data, monkeypatch):
    def interrupted(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(Preprocessor, "fit", interrupted)
    assert run("train", data, "--target", "dear") == (130, "", "stopped\n")
    assert not Path("houses-network").exists()


def test_what_a_diagnosis_finds_has_a_line_and_its_numbers(run, data):
    known = ["train", data, "--target", "dear", "--drop", "price", *FAST]
    code, output, _ = run(*known, "--out", "well")
    assert code == 0
    assert "diagnosis" not in output
    assert json.loads(Path("well/metrics.json").read_text())["diagnosis"] == []
    code, output, _ = run(*known, "--lr", "300", "--out", "wild")
    assert code == 0
    assert "diagnosis  learning-rate-too-high: steps beyond 2/λ" in output
    first, *_ = json.loads(Path("wild/metrics.json").read_text())["diagnosis"]
    assert first["symptom"] == "learning-rate-too-high"
    assert first["evidence"]["lr"] == pytest.approx(300)
    assert "write a learning rate of about" in first["remedy"]


def test_a_leaking_column_is_named(run, data):
    _, output, _ = run("train", data, "--target", "dear", *FAST)
    assert "leaking-labels (column price): a feature that predicts the target alone" in " ".join(
        output.split()
    )


def test_a_training_that_diverges_at_once_says_so(run, data):
    diverging = ["--optimizer", "sgd", "--lr", 1e25]
    code, output, error = run("train", data, "--target", "price", "--drop", "dear", *diverging)
    assert (code, output) == (2, "")
    assert "error: training stopped in epoch 1" in error
    assert not Path("houses-network").exists()


def test_a_training_that_diverges_later_keeps_what_was_learned(run, data, monkeypatch):
    watch = EarlyStopping.__call__

    def spoiled(self, model, epoch, logs):
        if epoch == 2:
            raise cr.NotFiniteError("training stopped in epoch 4: the loss is nan")
        return watch(self, model, epoch, logs)

    monkeypatch.setattr(EarlyStopping, "__call__", spoiled)
    code, output, error = run("train", data, "--target", "dear")
    assert code == 2
    assert "then the numbers were no longer finite" in output
    assert error.endswith("What was learned before is in houses-network\n")
    assert run("predict", "houses-network", data)[0] == 0


def test_an_earlier_result_is_replaced_and_said_so(run, data, pictures):
    run("train", data, "--target", "dear", *FAST)
    Path("houses-network/notes.txt").write_text("mine", encoding="utf-8")
    _, output, _ = run("train", data, "--target", "price", *FAST)
    assert "replaced" in output
    assert Path("houses-network/predicted.png").exists()
    assert not Path("houses-network/confusion.png").exists()
    assert Path("houses-network/notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": "chainrule model"}'])
def test_a_folder_of_something_else_is_left_alone(run, data, content):
    folder = Path("full")
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    if content is not None:
        (folder / "preprocessing.json").write_text(content, encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    code, _, error = run("train", data, "--target", "dear", "--out", folder)
    assert code == 2
    assert "full is not empty and not a result of chainrule" in error
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert run("train", data, "--target", "dear", "--out", data)[0] == 2  # a file


def test_the_options_shape_the_network(run, data):
    def network(*arguments):
        given = ["train", data, "--target", "dear", "--drop", "city", "--json", "--epochs", 1]
        return json.loads(run(*given, *arguments)[1])["network"]

    assert network("--layers", "5, 4") == (
        "Sequential(Dense(units=5), ReLU(), Dense(units=4), ReLU(), Dense(units=2))"
    )
    assert network("--layers", "none") == "Sequential(Dense(units=2))"
    assert network("--layers", "5", "--activation", "Tanh", "--dropout", "0.25") == (
        "Sequential(Dense(units=5), Tanh(), Dropout(rate=0.25), Dense(units=2))"
    )
    assert network("--layers", "5", "--loss", "binary_cross_entropy_with_logits") == (
        "Sequential(Dense(units=5), ReLU(), Dense(units=1))"
    )


@pytest.mark.parametrize("name", [row.name for row in LOSSES.values()])
def test_every_loss_trains_and_predicts_or_is_refused(run, data, name):
    row = LOSSES[name]
    fits = {
        "dear": row.prediction == "logits",
        "price": row.prediction == "values",
    }
    for target, accepted in fits.items():
        code, output, _ = run("train", data, "--target", target, "--loss", name, "--json", *FAST)
        assert code == (0 if accepted else 2)
        if accepted:
            assert json.loads(output)["loss"] == name
            code, output, _ = run("predict", "houses-network", data, "--json")
            assert code == 0
            values = [value for row in json.loads(output)["predictions"] for value in row.values()]
            assert all(np.isfinite(value) for value in values if not isinstance(value, str))


@pytest.mark.parametrize("activation", networks.activations())
def test_every_activation_trains(run, data, activation):
    arguments = ["--target", "dear", "--activation", activation, "--json", *FAST]
    assert run("train", data, *arguments)[0] == 0


def test_categories_go_through_the_network_as_one_column(run, data):
    answer = json.loads(run("train", data, "--target", "dear", "--json", *FAST)[1])
    assert answer["network"].startswith("Sequential(OneHot(sizes=(0, 0, 0, 0, 3, 0)), Dense(")
    assert answer["features"] == 8  # size, a gap in it, rooms, garden, three cities, price


def test_numbers_can_be_declared_categories_and_columns_dropped(run, data):
    arguments = ["--target", "dear", "--categories", "rooms", "--drop", "size", "--drop", "price"]
    answer = json.loads(run("train", data, *arguments, "--json", *FAST)[1])
    assert answer["left_out"]["size"] == "as asked"
    assert "OneHot(sizes=(6, 0, 3))" in answer["network"]
    assert run("predict", "houses-network", data)[0] == 0


def test_rows_without_a_target_are_counted(run):
    frame = houses(100).with_row_index("row")
    gone = pl.when(pl.col("row") >= 7).then("dear")
    frame.with_columns(gone).drop("row").write_csv("gaps.csv")
    code, output, _ = run("train", "gaps.csv", "--target", "dear", *FAST)
    assert code == 0
    assert "7 rows without a target not used" in output


def test_a_parquet_file_trains_like_the_csv_file(run, data):
    pl.read_csv(data).write_parquet("houses.parquet")
    answers = [
        json.loads(run("train", name, "--target", "price", "--json", *FAST)[1])
        for name in (data, "houses.parquet")
    ]
    assert answers[0]["metrics"] == answers[1]["metrics"]


def test_the_data_that_comes_along(run):
    answer = json.loads(run("train", "sklearn:iris", "--json", *FAST)[1])
    assert (answer["target"], answer["folder"]) == ("target", "iris-network")


@pytest.mark.parametrize(
    ("rows", "epochs", "batch_size", "patience"),
    [(90, 1000, 32, 100), (10_000, 63, 32, 6), (600_000, 34, 1024, 5), (4, 1000, 4, 100)],
)
def test_the_plan_follows_the_number_of_rows(rows, epochs, batch_size, patience):
    assert networks.Plan.of(rows, None, None) == networks.Plan(epochs, batch_size, patience)
    assert networks.Plan.of(rows, 7, 2) == networks.Plan(7, 2, 5)


# -- predict ---------------------------------------------------------------------------------------


def test_predictions_are_written_beside_the_data(run, classifier, data):
    code, output, error = run("predict", classifier, data)
    assert (code, error) == (0, "")
    assert "houses-predictions.csv" in output
    assert "on 240 rows with a target" in output
    table = pl.read_csv("houses-predictions.csv")
    assert table.columns == ["dear_predicted", "probability_no", "probability_yes"]
    assert table.height == 240
    sums = table["probability_no"] + table["probability_yes"]
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    likely = (table["probability_yes"] > table["probability_no"]).to_numpy()
    assert (table["dear_predicted"] == "yes").to_list() == likely.tolist()


def test_the_metrics_are_those_of_the_written_predictions(run, classifier, data):
    answer = json.loads(run("predict", classifier, data, "--json", "--out", "p.csv")[1])
    truth = pl.read_csv(data)["dear"]
    found = (pl.read_csv("p.csv")["dear_predicted"] == truth).mean()
    assert answer["metrics"]["accuracy"] == pytest.approx(found)
    assert answer["judged_rows"] == answer["rows"] == 240
    assert answer["out"] == "p.csv"


def test_predicting_applies_exactly_what_the_training_learned(run, data):
    """The test rows, read again from a file of their own, get the training's own metrics."""
    given = options(data=data, target="price", drop=("dear",), epochs=5)
    result = job.run(given, True)
    train.save(result, Path("net"))
    frame = pl.read_csv(data)
    parts = split(np.arange(240), validation=0.2, test=0.2, seed=0)
    frame[parts.test].write_csv("unseen.csv")
    answer = json.loads(run("predict", "net", "unseen.csv", "--json")[1])
    assert answer["metrics"] == pytest.approx(result.scores.network, rel=1e-5)
    assert answer["constant_guess"] == pytest.approx(result.scores.constant)


def test_the_columns_may_stand_in_any_order_and_others_beside_them(run, classifier, data):
    frame = pl.read_csv(data)
    frame.select(reversed(frame.columns)).with_columns(extra=pl.lit("x")).write_csv("other.csv")
    frame.drop("dear", "id", "price").write_csv("new.csv")
    answers = [
        json.loads(run("predict", classifier, name, "--json")[1])
        for name in (data, "other.csv", "new.csv")
    ]
    assert answers[0]["predictions"] == answers[1]["predictions"] == answers[2]["predictions"]
    assert "metrics" in answers[1]
    assert "metrics" not in answers[2]


def test_a_file_with_other_columns_is_refused_by_name(run, classifier, data):
    pl.read_csv(data).rename({"city": "town"}).write_csv("other.csv")
    code, output, error = run("predict", classifier, "other.csv")
    assert (code, output) == (2, "")
    assert (
        "lacks columns that the network was trained with: 'city', and has others: 'town'" in error
    )


def test_a_column_of_another_kind_is_refused_with_its_row(run, classifier, data):
    frame = pl.read_csv(data).with_columns(pl.col("size").cast(pl.String))
    frame[5, "size"] = "large"
    frame.write_csv("other.csv")
    code, _, error = run("predict", classifier, "other.csv")
    assert code == 2
    assert "column 'size' must hold numbers, but row 6 holds 'large'" in error


def test_categories_that_look_like_numbers_stay_categories(run):
    frame = houses(60).with_columns(pl.Series("city", ["7", "07", "x"] * 20))
    frame.write_csv("codes.csv")
    run("train", "codes.csv", "--target", "dear", *FAST)
    frame.filter(pl.col("city") != "x").write_csv("new.csv")  # now the column reads as numbers
    answer = json.loads(run("predict", "codes-network", "new.csv", "--json")[1])
    assert answer["notes"] == []


def test_what_the_training_never_met_is_noted(run, classifier, data):
    frame = pl.read_csv(data).with_columns(city=pl.lit("Atlantis"))
    frame.write_csv("new.csv")
    _, output, _ = run("predict", classifier, "new.csv")
    assert "'city' has 1 category unknown to the network ('Atlantis')" in " ".join(output.split())
    _, _, error = run("predict", classifier, "new.csv", "--out", "-")
    assert "Atlantis" in error


def test_a_class_that_was_never_trained_is_predicted_but_not_judged(run, classifier, data):
    pl.read_csv(data).with_columns(dear=pl.lit("perhaps")).write_csv("new.csv")
    answer = json.loads(run("predict", classifier, "new.csv", "--json")[1])
    assert len(answer["predictions"]) == 240
    assert "metrics" not in answer
    assert "nothing is judged" in answer["notes"][0]


def test_columns_can_be_kept(run, classifier, data):
    code, output, _ = run(
        "predict", classifier, data, "--keep", "id", "--keep", "city", "--out", "-"
    )
    assert code == 0
    table = pl.read_csv(output.encode())
    assert table.columns[:2] == ["id", "city"]
    assert table["id"].to_list() == list(range(240))


def test_values_are_predicted_in_their_own_units(run, data):
    run("train", data, "--target", "price", "--drop", "dear", "--lr", 0.02, "--epochs", 60)
    _, output, _ = run("predict", "houses-network", data, "--out", "-")
    table = pl.read_csv(output.encode())
    assert table.columns == ["price_predicted"]
    truth = pl.read_csv(data)["price"]
    assert np.corrcoef(truth, table["price_predicted"])[0, 1] > 0.97
    assert abs(truth.mean() - table["price_predicted"].mean()) < 10


def test_a_file_of_somebody_is_not_replaced_by_predictions(run, classifier, data):
    Path("houses-predictions.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    code, _, error = run("predict", classifier, data)
    assert code == 2
    assert "exists and holds something else; name another with --out" in error
    assert Path("houses-predictions.csv").read_text(encoding="utf-8") == "a,b\n1,2\n"
    assert run("predict", classifier, data, "--out", "p.csv")[0] == 0
    assert run("predict", classifier, data, "--out", "p.csv")[0] == 0  # its own, it replaces


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"mean"', '"median"', 1),
        lambda text: text.replace("NumberEncoder", "os.system", 1),
        lambda text: "",
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_preprocessing_is_refused(run, classifier, data, damage):
    path = Path(classifier, "preprocessing.json")
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    code, output, error = run("predict", classifier, data)
    assert (code, output) == (2, "")
    assert "preprocessing.json" in error
    assert error.count("\n") == 1


def test_a_folder_without_its_model_is_refused(run, classifier, data):
    Path(classifier, "model.json").unlink()
    code, _, error = run("predict", classifier, data)
    assert code == 2
    assert "model.json" in error


# -- examples --------------------------------------------------------------------------------------


@pytest.fixture
def own_examples(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    (package / "draws_one.py").write_text(
        "TITLE = 'Draws a picture'\n"
        "def run(console, out_folder):\n"
        "    console.print('drawing')\n"
        "    (out_folder / 'picture.txt').write_text('here')\n"
    )
    (package / "talks.py").write_text(
        "TITLE = 'Only talks'\ndef run(console, out_folder):\n    console.print('hello')\n"
    )
    (package / "_helper.py").write_text("raise AssertionError('not an example')\n")
    monkeypatch.setattr(examples, "__path__", [str(package)])
    yield
    for name in ("draws_one", "talks"):
        sys.modules.pop(f"chainrule.examples.{name}", None)


def test_examples_are_listed_with_their_titles(run, own_examples):
    code, output, _ = run("examples")
    assert code == 0
    assert output.split("\n")[:2] == ["draws-one  Draws a picture", "talks      Only talks     "]
    listed = json.loads(run("examples", "--json")[1])
    assert listed == [
        {"name": "draws-one", "title": "Draws a picture"},
        {"name": "talks", "title": "Only talks"},
    ]


def test_the_simplest_example_comes_first(run, own_examples, monkeypatch):
    monkeypatch.setattr(examples, "ORDER", ("talks",))
    listed = json.loads(run("examples", "--json")[1])
    assert [example["name"] for example in listed] == ["talks", "draws-one"]


@pytest.mark.parametrize("name", ["draws-one", "draws_one"])
def test_an_example_runs_and_leaves_its_figures(run, own_examples, name):
    assert run("examples", name) == (0, "drawing\n", "")
    assert Path(f"{name}-example/picture.txt").read_text() == "here"
    run("examples", name, "--out", "there")
    assert Path("there/picture.txt").exists()


def test_an_example_without_figures_leaves_no_folder(run, own_examples):
    assert run("examples", "talks") == (0, "hello\n", "")
    assert not Path("talks-example").exists()


def test_an_unknown_example_is_suggested(run, own_examples):
    code, _, error = run("examples", "talk")
    assert (code, error) == (2, "error: there is no example 'talk'; did you mean 'talks'?\n")


# -- the screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.96666, "0.967"),
        (-1.04e-5, "0.000"),
        (12.34567, "12.346"),
        (1234.567, "1,234.6"),
        (37_604.2, "37,604"),
        (-128_953.4, "-128,953"),
        (1e9, "1.00e+09"),
        (2e-9, "2.00e-09"),
        (0.0, "0.000"),
        (float("nan"), "–"),
    ],
)
def test_metrics_are_short_and_comparable(value, text):
    assert figure(value) == text


def test_a_bar_is_shown_only_for_what_takes_time(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    for total, shown in ((1000, False), (terminal.SHOW_PROGRESS_FROM, True)):
        with terminal.reading("big.csv") as progress:
            progress(total // 2, total)
        assert ("reading big.csv" in capsys.readouterr().err) == shown
