"""`chainrule explain`: networks by their sizes, trained folders, and what is refused."""

import json

import numpy as np
import pytest
from latex_numbers import evaluate

from chainrule.cli import main

CHAIN = ["--network", "1-1-1", "--sample", "0.5", "--target", "0.6"]
CHAIN += ["--set", "0.weight=0.4", "--set", "0.bias=0.1", "--set", "2.weight=0.3"]
CHAIN += ["--set", "2.bias=0.2"]


def run(capsys, *words: str) -> str:
    assert main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_network_by_its_sizes(capsys) -> None:
    text = run(capsys, *CHAIN)
    assert "L = ½ · (0.3723 − 0.6)² = 0.02592" in text
    assert "∂L/∂w⁽²⁾ = 0.5744 · (−0.2277) = −0.1308" in text
    assert "note:" not in text


def test_what_is_not_given_is_said(capsys) -> None:
    text = run(capsys, "--network", "2-4-1")
    assert "the sample was drawn by the seed" in text
    assert "the target is taken to be 1" in text
    assert run(capsys, "--network", "2-4-1") == text
    assert run(capsys, "--network", "2-4-1", "--seed", "1") != text


def test_until(capsys) -> None:
    text = run(capsys, *CHAIN, "--until", "loss")
    assert text.count("not yet computed") == 4
    assert "Backward" not in text


@pytest.mark.parametrize(
    ("loss", "target", "shown"),
    [
        ("binary_cross_entropy", "1", "δ⁽²⁾ = ∂L/∂z⁽²⁾ = ŷ − y"),
        ("binary_cross_entropy_with_logits", "0", "= σ(z⁽²⁾) − y"),
        ("mean_squared_error", "0.5", "∂L/∂ŷ = 2 (ŷ − y)"),
        ("poisson", "2", "− y"),
    ],
)
def test_losses(capsys, loss: str, target: str, shown: str) -> None:
    words = ["--network", "2-3-1", "--loss", loss, "--sample", "0.5,0.1", "--target", target]
    assert shown in run(capsys, *words)


def test_classes(capsys) -> None:
    words = ["--network", "2-3-3", "--loss", "cross_entropy", "--sample", "1,0", "--target", "2"]
    assert "softmax(z⁽²⁾) − y" in run(capsys, *words, "--activation", "relu")
    assert "ŷ − y" in run(capsys, "--network", "2-3-3", "--loss", "kl_divergence")


def test_no_biases_and_several_samples(capsys) -> None:
    samples = [word for text in ("0,0", "0,1", "1,0", "1,1") for word in ("--sample", text)]
    targets = [word for text in "0110" for word in ("--target", text)]
    words = ["--network", "2-4-1", "--output", "sigmoid", "--no-bias", *samples, *targets]
    text = run(capsys, *words)
    assert "4 samples" in text
    assert "z⁽¹⁾ = x W⁽¹⁾ " in text


def test_latex(capsys) -> None:
    latex = run(capsys, *CHAIN, "--latex", "0.weight")
    last = [line for line in latex.splitlines() if line.startswith(" &=")][-1]
    assert evaluate(last.removeprefix(" &= ")).item() == pytest.approx(-0.008348)
    turned = run(capsys, "--network", "2-4-1", "--latex", "0.weight", "--columns")
    assert r"\underset{4 \times 1}{\delta^{(1)}}" in turned


def test_paths(capsys) -> None:
    text = run(capsys, *CHAIN, "--paths", "0.weight[0, 0]")
    assert "∂a⁽¹⁾/∂z⁽¹⁾ = σ′(z⁽¹⁾) = 0.2445" in text


def test_json(capsys) -> None:
    found = json.loads(run(capsys, *CHAIN, "--json"))
    assert found["loss"] == pytest.approx(0.0259161872)
    assert found["gradients"]["2.weight"][0][0] == pytest.approx(-0.1307817452)
    assert found["steps"][0]["phase"] == "given"


def test_a_trained_folder(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "sklearn:iris", "--out", "iris", "--epochs", "2", "--layers", "5"]) == 0
    capsys.readouterr()
    text = run(capsys, "iris", "sklearn:iris", "--row", "3")
    assert "softmax(z⁽²⁾) − y" in text
    assert "sepal width (cm) = " in text
    assert "row 3 of sklearn:iris: sepal length (cm) 4.6" in text
    assert "an average one stands in" in run(capsys, "iris")
    own = run(capsys, "iris", "--sample", "0.1,0.2,0.3,0.4", "--target", "1", "--json")
    assert np.shape(json.loads(own)["values"]["x"]) == (1, 4)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Two trained folders, of classes and of values, and their tables with gaps."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    lines = {"pets": ["weight,animal,home"], "price": ["size,price"]}
    for row in range(60):
        animal = ("cat", "dog", "bird")[rng.integers(3)]
        home = "" if row == 7 else "garden" if animal == "dog" else "flat"
        lines["pets"].append(f"{rng.uniform(1, 30):.2f},{animal},{home}")
        size = rng.uniform(30, 200)
        lines["price"].append(f"{size:.1f},{'' if row == 5 else round(3 * size, 1)}")
    for name, target in (("pets", "home"), ("price", "price")):
        (folder / f"{name}.csv").write_text("\n".join(lines[name]) + "\n", encoding="utf-8")
        words = ["train", str(folder / f"{name}.csv"), "--target", target, "--epochs", "2"]
        assert main([*words, "--layers", "3", "--out", str(folder / name)]) == 0
    return folder


def of_row(tables, name: str, *words: str) -> list[str]:
    return [str(tables / name), str(tables / f"{name}.csv"), *words]


def test_columns_and_classes_are_named(capsys, tables) -> None:
    text = run(capsys, *of_row(tables, "pets", "--row", "3"))
    for shown in (
        "animal (0 bird, 1 cat, 2 dog) = ",
        "Side by side: column 1, weight, as it is; column 2, animal,",
        "These are the logits, flat ",
        "W⁽¹⁾  4 × 3",
        "1.weight",
    ):
        assert shown in text
    assert "concatenate" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "price is " in run(capsys, *of_row(tables, "price"))


def test_the_target_of_a_row_can_be_another(capsys, tables) -> None:
    own, garden, flat = (
        json.loads(run(capsys, *of_row(tables, "pets", "--row", "3", "--json", *more)))
        for more in ((), ("--target", "garden"), ("--target", "flat"))
    )
    assert own["values"]["y"] in (garden["values"]["y"], flat["values"]["y"])
    assert garden["values"]["y"] == [1]
    assert flat["values"]["y"] == [0]
    words = of_row(tables, "price", "--row", "5", "--target", "300", "--until", "loss")
    assert "L = " in run(capsys, *words)


def test_a_row_without_a_target(capsys, tables) -> None:
    text = run(capsys, *of_row(tables, "pets", "--row", "7"))
    assert "row 7 of" in text
    assert "the predicted class stands in" in " ".join(text.split())
    assert "∂L/∂W⁽¹⁾" in text
    text = run(capsys, *of_row(tables, "price", "--row", "5"))
    assert "no value in 'price'" in " ".join(text.split())
    assert "Backward" not in text
    assert "Loss" not in text


def test_a_page(capsys, tables, tmp_path) -> None:
    path = tmp_path / "row.html"
    shown = run(capsys, *of_row(tables, "pets", "--html", str(path)))
    assert shown.startswith(f"{path}: ")
    assert "animal (0 bird" in path.read_text(encoding="utf-8")
    run(capsys, *CHAIN, "--html", str(path))
    assert "0.3723" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("pets", ["--row", "60"], "has rows 0 to 59, and no row 60"),
        ("pets", ["--row", "-1"], "no row -1"),
        ("pets", ["--target", "gardn"], "did you mean 'garden'?"),
        ("pets", ["--target", "flat", "--target", "flat"], "one row is explained"),
        ("pets", ["--sample", "1,2"], "not both"),
        ("pets", ["--loss", "cross_entropy"], "--loss is for a --network"),
        ("pets", ["--set", "0.bias=1"], "--set is for a --network"),
        (
            "pets",
            ["--html", "/no/such/folder/page.html"],
            "cannot write '/no/such/folder/page.html'",
        ),
        ("price", ["--target", "dear"], "takes a number for 'price', not 'dear'"),
        ("price", ["--row", "5", "--latex", "0.weight"], "row 5 of"),
        ("price", ["--row", "5", "--latex", "0.weight"], "name it with --target"),
    ],
)
def test_rows_that_are_refused(capsys, tables, name: str, words: list[str], message: str) -> None:
    assert main(["explain", *of_row(tables, name, *words)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert main(["explain", str(tables / "price"), "--row", "2"]) == 2
    assert "name the table behind FOLDER" in capsys.readouterr().err


REFUSED = [
    ([], "name either a FOLDER that was trained, or --network"),
    (["--network", "2"], "--network takes the size of each layer"),
    (["--network", "2-x-1"], "not '2-x-1'"),
    (["--network", "2-2", "--loss", "mse "], "there is no loss 'mse '"),
    (["--network", "2-2-1", "--activation", "relo"], "did you mean"),
    (["--network", "2-2-1", "--sample", "1"], "--sample has 1 numbers, and the network takes 2"),
    (["--network", "2-2-1", "--sample", "1,b"], "--sample takes numbers"),
    (["--network", "2-2-1", "--target", "1,2"], "--target has 2 numbers, and the network gives 1"),
    (["--network", "2-2-1", "--target", "1", "--target", "0"], "1 sample and 2 targets; name one"),
    (["--network", "2-2-1", "--set", "0.weight"], "--set takes NAME=NUMBERS"),
    (["--network", "2-2-1", "--set", "0.weight=1,2;3"], "rows of different lengths"),
    (["--network", "2-2-1", "--set", "9.weight=1"], "there is no parameter '9.weight'"),
    (["--network", "2-2-1", "--paths", "0.weight"], "--paths takes one entry"),
    (["--network", "2-2-1", "--paths", "0.weight[7,7]"], "no entry of 0.weight"),
    (["--network", "2-2-1", "--latex", "0.weights"], "did you mean '0.weight'"),
    (["nowhere"], "no such file or directory"),
    (["--network", "2-3-2", "--loss", "cross_entropy", "--target", "5"], "class numbers from 0"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_bad_input_is_one_line(capsys, words: list[str], message: str) -> None:
    assert main(["explain", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_step_of_the_training(capsys, tmp_path, monkeypatch) -> None:
    """Taken again from the first weights, on the rows that were in the training part."""
    monkeypatch.chdir(tmp_path)
    words = ["--layers", "5", "--epochs", "6", "--dropout", "0.2", "--seed", "3"]
    assert main(["train", "sklearn:iris", "--out", "iris", *words]) == 0
    capsys.readouterr()
    text = run(capsys, "iris", "sklearn:iris", "--step", "7")
    assert "step 7: batch 2 of 3 in epoch 3" in " ".join(text.split())
    shown = json.loads(run(capsys, "iris", "sklearn:iris", "--step", "7", "--json"))
    following = json.loads(run(capsys, "iris", "sklearn:iris", "--step", "8", "--json"))
    assert shown["values"]["0.weight"] != following["values"]["0.weight"]
    refused = [
        (["iris", "sklearn:iris", "--step", "99"], "the training knows steps 0 to 17"),
        (["iris", "sklearn:wine", "--step", "7"], "was not trained on"),
        (["iris", "--step", "7"], "--step takes the FOLDER and the DATA"),
    ]
    for words, message in refused:
        assert main(["explain", *words]) == 2
        assert message in capsys.readouterr().err
