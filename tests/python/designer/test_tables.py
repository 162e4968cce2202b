"""Components that work on tables: what each does to real rows, and to what does not suit it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas
import pytest

from tandemlab.designer import find_component, list_components
from tandemlab.designer.component import columns_of, empty_frame
from tandemlab.domain import AlreadyExists, InvalidInput

ACCIDENTS = Path("examples/accidents/nassCDS.csv")
# What has to be given, for those that cannot be made without.
GIVEN: dict[str, dict[str, Any]] = {
    "add_columns": {},
    "apply_math_operation": {"columns": ["weight"], "operation": "square_root"},
    "apply_sql": {},
    "clip_values": {"upper": 100.0},
    "convert_to_indicator": {"columns": ["dead"], "values": ["dead"]},
    "edit_metadata": {"columns": ["sex"], "type": "categorical"},
    "feature_hashing": {"column": "caseid", "bits": 2},
    "filter_rows": {"condition": "yearacc > 1999"},
    "group_and_aggregate": {"by": ["sex"], "columns": ["weight"]},
    "join_data": {"left_keys": ["caseid"]},
    "one_hot_encode": {"columns": ["sex"]},
    "preprocess_text": {"column": "caseid"},
    "select_columns": {"columns": ["sex", "dead"]},
    "sort_rows": {"by": ["yearacc"]},
}
TABLES_ALONE = [
    name
    for name, each in list_components().items()
    if each.inputs
    and all(port.kind == "table" for port in each.inputs.values())
    and not {"automl", "forecast", "evaluate_model", "execute_r_script", "export_data"} & {name}
]
LEARNS = {"k_means_clustering", "anomaly_detection", "principal_component_analysis"}
LEARNS |= {"extract_n_gram_features", "filter_based_feature_selection", "t_test"}


def run(name: str, *inputs: Any, **parameters: Any) -> Any:
    return find_component(name)(**parameters).run(*inputs)


@pytest.fixture(scope="module")
def accidents() -> pandas.DataFrame:
    rows: pandas.DataFrame = pandas.read_csv(ACCIDENTS).head(400)
    return rows


def by_output(name: str, made: Any) -> dict[str, Any]:
    outputs = list_components()[name].outputs
    return made if len(outputs) > 1 else dict.fromkeys(outputs, made)


# What all have in common


@pytest.mark.parametrize("name", list_components())
def test_a_component_says_what_it_is(name: str) -> None:
    found = list_components()[name]
    assert ">>>" in str(found.__doc__)
    assert found.title and found.category and found.keywords
    schema = found.Parameters.model_json_schema()
    for field, about in schema.get("properties", {}).items():
        assert about.get("description"), f"{name}.{field} is not described"
        port = about.get("x-column-of")
        assert port is None or port in found.inputs
    assert all(port.description for port in (*found.inputs.values(), *found.outputs.values()))
    with pytest.raises(InvalidInput, match="no_such_parameter"):
        found(no_such_parameter=1)


@pytest.mark.parametrize("name", TABLES_ALONE)
def test_a_component_takes_real_rows_and_says_which_columns_come_out(
    name: str, accidents: pandas.DataFrame
) -> None:
    before = accidents.copy()
    parameters = {
        **GIVEN.get(name, {}),
        **({"label": "yearacc"} if name == "filter_based_feature_selection" else {}),
        **({"column": "weight", "group": "sex"} if name == "t_test" else {}),
        **({"column": "caseid"} if name == "extract_n_gram_features" else {}),
        **({"code": "result = frame1"} if name == "execute_python_script" else {}),
    }
    component = find_component(name)(**parameters)
    count = len([port for port in component.inputs.values() if not port.optional]) or 1
    made = by_output(name, component.run(*[accidents] * count))
    assert accidents.equals(before), "it changed what it was given"
    known = component.columns({port: columns_of(accidents) for port in component.inputs})
    tables = {key for key, port in component.outputs.items() if port.kind == "table"}
    assert set(known) <= tables
    for key in tables:
        assert isinstance(made[key], pandas.DataFrame)
        if known.get(key) is not None:
            assert list(columns_of(made[key])) == list(known[key] or {})
    json.dumps({key: made[key] for key, port in component.outputs.items() if port.kind == "report"})


@pytest.mark.parametrize("name", [name for name in TABLES_ALONE if name in GIVEN])
def test_an_empty_table_stays_one(name: str, accidents: pandas.DataFrame) -> None:
    component = find_component(name)(**GIVEN[name])
    empty = empty_frame(columns_of(accidents))
    count = len([port for port in component.inputs.values() if not port.optional])
    for key, made in by_output(name, component.run(*[empty] * count)).items():
        if component.outputs[key].kind == "table":
            assert len(made) == 0


@pytest.mark.parametrize("name", sorted(LEARNS))
def test_nothing_is_learned_from_an_empty_table(name: str, accidents: pandas.DataFrame) -> None:
    needed = {
        "extract_n_gram_features": {"column": "sex"},
        "filter_based_feature_selection": {"label": "yearacc"},
        "t_test": {"column": "weight", "group": "sex"},
    }
    with pytest.raises(InvalidInput):
        run(name, empty_frame(columns_of(accidents)), **needed.get(name, {}))


@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"add_columns", "apply_sql", "filter_rows"}))
def test_a_column_that_is_not_there_is_named(name: str, accidents: pandas.DataFrame) -> None:
    component = list_components()[name]
    fields = component.Parameters.model_json_schema().get("properties", {})
    chosen = next(key for key, each in fields.items() if "x-column-of" in each)
    given = {**GIVEN[name], chosen: ["nope"] if fields[chosen].get("type") == "array" else "nope"}
    with pytest.raises(InvalidInput, match="'nope'"):
        run(name, *[accidents] * len(component.inputs), **given)


# What each does


def test_columns_are_selected_by_name_type_and_pattern(accidents: pandas.DataFrame) -> None:
    assert list(run("select_columns", accidents, pattern="^s").columns) == ["seatbelt", "sex"]
    left = run("select_columns", accidents, types=["string"], exclude=True)
    assert "sex" not in left and "yearacc" in left
    with pytest.raises(InvalidInput, match="choose columns"):
        run("select_columns", accidents)
    with pytest.raises(InvalidInput, match="pattern cannot be read"):
        run("select_columns", accidents, pattern="(")


def test_metadata_are_edited_and_what_does_not_fit_is_told() -> None:
    rows = pandas.DataFrame({"x": ["1", "2.5", None, "many"], "y": ["yes", "no", "true", None]})
    made = run("edit_metadata", rows, columns=["x"], type="double", on_error="missing")
    assert made["x"].tolist()[:2] == [1.0, 2.5] and made["x"].isna().sum() == 2
    with pytest.raises(InvalidInput, match="1 values that are no double, the first 'many'"):
        run("edit_metadata", rows, columns=["x"], type="double")
    with pytest.raises(InvalidInput, match="no integer"):
        run("edit_metadata", rows.head(2), columns=["x"], type="integer")
    truth = run("edit_metadata", rows, columns=["y"], type="boolean")["y"]
    assert truth.tolist()[:3] == [True, False, True] and truth.isna()[3]
    day = pandas.DataFrame({"d": ["2026-11-27"]})
    assert run("edit_metadata", day, columns=["d"], type="datetime")["d"][0].year == 2026
    with pytest.raises(InvalidInput, match="Two columns would have the name 'y'"):
        run("edit_metadata", rows, columns=["x"], rename=["y"])


@pytest.mark.parametrize(
    ("mode", "filled"),
    [
        ("mean", [1.0, 2.0, 3.0]),
        ("median", [1.0, 2.0, 3.0]),
        ("most_frequent", [1.0, 1.0, 3.0]),
        ("constant", [1.0, 7.0, 3.0]),
        ("drop_rows", [1.0, 3.0]),
    ],
)
def test_missing_values_are_filled_and_later_rows_alike(mode: str, filled: list[float]) -> None:
    rows = pandas.DataFrame({"x": [1.0, None, 3.0]})
    made = run("clean_missing_data", rows, mode=mode, value="7")
    assert made["data"]["x"].tolist() == filled
    later = run("apply_transformation", made["transformation"], pandas.DataFrame({"x": [None]}))
    assert later["x"].isna().all() if mode == "drop_rows" else later["x"].tolist() == [filled[1]]


def test_missing_categories_and_whole_numbers_are_filled() -> None:
    rows = pandas.DataFrame(
        {
            "c": pandas.Categorical(["a", "a", None]),
            "n": pandas.array([1, 2, None], dtype="Int64"),
            "t": pandas.Series(["2026-01-01"] * 2 + [None]).astype("datetime64[us, UTC]"),
        }
    )
    frequent = run("clean_missing_data", rows)["data"]
    assert frequent["c"].tolist() == ["a"] * 3 and frequent["n"].tolist()[2] == 1
    assert frequent["t"].notna().all() and str(frequent["t"].dt.tz) == "UTC"
    assert run("clean_missing_data", rows, mode="mean")["data"]["n"].tolist() == [1, 2, 1.5]
    new = run("clean_missing_data", rows, columns=["c"], mode="constant", value="z")["data"]
    assert new["c"].tolist() == ["a", "a", "z"]
    dropped = run("clean_missing_data", rows.assign(k=1), mode="drop_columns")
    assert list(dropped["data"].columns) == ["k"]
    with pytest.raises(InvalidInput, match="'much' cannot stand in 'n', which holds integer"):
        run("clean_missing_data", rows, columns=["n"], mode="constant", value="much")


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("inner", [2]),
        ("left", [1, 2, None]),
        ("right", [2, 3, None]),
        ("outer", [1, 2, 3, None, None]),
        ("semi", [2]),
        ("anti", [1, None]),
    ],
)
def test_tables_are_joined_and_missing_keys_have_no_partner(kind: str, ids: list[Any]) -> None:
    left = pandas.DataFrame({"id": [1, 2, None], "x": [10, 20, 30]})
    right = pandas.DataFrame({"id": [2, 3, None], "x": [5, 6, 7]})
    made = run("join_data", left, right, left_keys=["id"], kind=kind)
    found = [None if math.isnan(each) else each for each in made["id"]]
    assert sorted(found, key=str) == sorted(ids, key=str)
    if kind not in ("semi", "anti"):
        assert list(made.columns) == ["id", "x", "x_right"]
    with pytest.raises(InvalidInput, match="keys cannot be compared"):
        run("join_data", left, right.assign(id=["2", "3", "4"]), left_keys=["id"], kind=kind)


def test_rows_are_grouped_filtered_sorted_and_queried(accidents: pandas.DataFrame) -> None:
    groups = run(
        "group_and_aggregate",
        accidents,
        by=["sex"],
        columns=["weight"],
        functions=["count", "mean", "max"],
    )
    by_hand = accidents.groupby("sex")["weight"].agg(["count", "mean", "max"]).reset_index()
    assert groups.set_axis(by_hand.columns, axis=1).equals(by_hand)
    whole = run("group_and_aggregate", accidents, columns=["weight"], functions=["sum"])
    assert whole["weight_sum"].tolist() == [pytest.approx(accidents["weight"].sum())]
    kept = run("filter_rows", accidents, condition="sex = 'f' AND dead = 'dead'")
    assert kept.equals(accidents[(accidents["sex"] == "f") & (accidents["dead"] == "dead")])
    ordered = run("sort_rows", accidents, by=["yearacc", "weight"], descending=True)
    assert ordered["yearacc"].is_monotonic_decreasing
    counted = run(
        "apply_sql", accidents, query="SELECT sex, count(*) n FROM t1 GROUP BY ALL ORDER BY 1"
    )
    assert counted["n"].tolist() == accidents.groupby("sex").size().tolist()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM 'examples/accidents/nassCDS.csv'",
        "COPY t1 TO '/tmp/x.csv'",
        "SELECT 1; SELECT 2",
        "SET enable_external_access = true",
        "DROP TABLE t1",
        "SELECT * FROM accidents",
        "SELECT nope FROM t1",
    ],
)
def test_a_query_sees_its_tables_and_nothing_else(query: str, accidents: pandas.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"quer"):
        run("apply_sql", accidents, query=query)


def test_tables_are_put_together() -> None:
    one, two = pandas.DataFrame({"x": [1, 1]}), pandas.DataFrame({"y": ["a", "b"]})
    assert run("add_rows", one, two)["x"].isna().tolist() == [False, False, True, True]
    assert list(run("add_columns", one, one).columns) == ["x", "x_2"]
    with pytest.raises(InvalidInput, match="2 and 1 rows"):
        run("add_columns", one, two.head(1))
    assert len(run("remove_duplicates", one)) == 1
    assert len(run("remove_duplicates", one.assign(z=[1, 2]), columns=["x"], keep="last")) == 1


@pytest.mark.parametrize("method", ["z_score", "min_max", "logistic", "tanh", "log"])
def test_numbers_are_scaled_and_later_rows_alike(method: str) -> None:
    rows = pandas.DataFrame({"x": [1.0, 2.0, 3.0, None], "c": [5.0] * 4})
    made = run("normalize_data", rows, method=method)
    x = made["data"]["x"]
    assert math.isnan(x[3]) and x[0] < x[1] < x[2]
    expected = {
        "z_score": [-1.224745, 0, 1.224745],
        "min_max": [0, 0.5, 1],
        "logistic": [0.227102, 0.5, 0.772898],
        "tanh": [-0.841048, 0, 0.841048],
        "log": [0.693147, 1.098612, 1.386294],
    }
    assert x.tolist()[:3] == pytest.approx(expected[method], abs=1e-5)
    later = run("apply_transformation", made["transformation"], rows.head(1))
    assert later["x"].tolist() == x.tolist()[:1]
    with pytest.raises(InvalidInput, match="not numbers"):
        run("normalize_data", rows.assign(x="a"), columns=["x"])
    with pytest.raises(InvalidInput, match="no column 'x'"):
        run("apply_transformation", made["transformation"], rows[["c"]])


def test_numbers_are_binned_clipped_and_computed_with() -> None:
    rows = pandas.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, None]})
    bins = run("group_data_into_bins", rows, bins=2, suffix="_bin")["data"]
    assert bins["x_bin"].tolist()[:4] == [0, 0, 1, 1] and bins["x_bin"].isna()[4]
    width = run("group_data_into_bins", rows.assign(x=[0, 1, 2, 100, 3]), mode="width", bins=2)
    assert width["data"]["x"].tolist() == [0, 0, 0, 1, 0]
    clipped = run("clip_values", rows, lower=1.0, upper=2.0)["x"].tolist()
    assert clipped[:4] == [1.0, 1.0, 2.0, 2.0] and math.isnan(clipped[4])
    gone = run("clip_values", rows, upper=90.0, limits_are="percentiles", replace_by="missing")
    assert gone["x"].isna().tolist() == [False, False, False, True, True]
    logarithm = run("apply_math_operation", rows)["x"]
    assert logarithm.isna().tolist() == [True, False, False, False, True]
    ratio = run("apply_math_operation", rows, operation="divide", by_column="x", suffix="_r")
    assert ratio["x_r"].tolist()[1:4] == [1.0, 1.0, 1.0] and math.isnan(ratio["x_r"][0])
    for wrong in (
        {"operation": "divide"},
        {"operation": "sine", "by": 2.0},
        {"operation": "add", "by": 1.0, "by_column": "x"},
    ):
        with pytest.raises(InvalidInput, match=r"second value|needs by"):
            run("apply_math_operation", rows, **wrong)
    for limits in ({}, {"lower": 2.0, "upper": 1.0}, {"upper": 101.0, "limits_are": "percentiles"}):
        with pytest.raises(InvalidInput, match="Clip values cannot be used"):
            run("clip_values", rows, **limits)


def test_categories_become_columns_and_new_ones_none() -> None:
    rows = pandas.DataFrame({"town": ["b", "a", None], "x": [1, 2, 3]})
    made = run("one_hot_encode", rows, columns=["town"])
    later = run("apply_transformation", made["transformation"], rows.assign(town=["a", "z", "b"]))
    assert later[["town_a", "town_b"]].to_numpy().tolist() == [[1, 0], [0, 0], [0, 1]]
    with pytest.raises(InvalidInput, match="has 2 values, more than 1"):
        run("one_hot_encode", rows, columns=["town"], most=1)
    assert run("convert_to_indicator", rows, columns=["town"])["town_indicator"].tolist() == [
        1,
        1,
        0,
    ]


def test_rows_are_split_sampled_and_numbered_by_part(accidents: pandas.DataFrame) -> None:
    parts = run("split_data", accidents, fraction=0.5, stratify_by="sex", seed=3)
    assert abs(len(parts["first"]) - 200) <= 1
    shares = [(each["sex"] == "f").mean() for each in parts.values()]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    assert sorted([*parts["first"].index, *parts["second"].index]) == list(accidents.index)
    head = run("partition_and_sample", accidents, mode="head", rows=3)
    assert head.equals(accidents.head(3))
    folds = run("partition_and_sample", accidents, mode="folds", folds=4, stratify_by="sex")
    assert sorted(folds.groupby("fold").size()) == [100] * 4
    assert len(run("partition_and_sample", accidents, fraction=0.25)) == 100


def test_statistics_are_those_of_scipy(accidents: pandas.DataFrame) -> None:
    from scipy import stats

    summary = run("summarize_data", accidents).set_index("column")
    assert summary.loc["weight", "mean"] == pytest.approx(accidents["weight"].mean())
    assert summary.loc["sex", "distinct"] == 2 and math.isnan(summary.loc["sex", "mean"])
    assert len(run("summarize_data", accidents.head(0))) == len(accidents.columns)
    made = run("linear_correlation", accidents, columns=["weight", "ageOFocc"], method="spearman")
    expected = stats.spearmanr(accidents["weight"], accidents["ageOFocc"]).statistic
    assert made["correlations"]["ageOFocc"][0] == pytest.approx(expected)
    two = run("t_test", accidents, column="ageOFocc", group="sex")["result"].iloc[0]
    sides = [accidents[accidents["sex"] == sex]["ageOFocc"] for sex in ("f", "m")]
    assert two["p_value"] == pytest.approx(stats.ttest_ind(*sides, equal_var=False).pvalue)
    assert two["difference"] == "f - m"
    one = run("t_test", accidents, test="one_sample", column="ageOFocc", mean=30.0)
    assert one["result"]["p_value"][0] < 1e-6
    with pytest.raises(InvalidInput, match="two groups are compared"):
        run("t_test", accidents, column="ageOFocc", group="dvcat")
    with pytest.raises(InvalidInput, match="needs group"):
        run("t_test", accidents, column="ageOFocc")


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "f", "mutual_information"])
def test_what_says_most_about_a_label_is_kept(method: str) -> None:
    rows = pandas.DataFrame({"a": range(40), "b": [n % 3 for n in range(40)]})
    rows["y"] = [2.0 * n + (n % 2) for n in range(40)]
    made = run("filter_based_feature_selection", rows, label="y", method=method, count=1)
    assert list(made["data"].columns) == ["a", "y"]
    assert made["scores"]["column"].tolist() == ["a", "b"]


def test_feature_selection_refuses_what_a_method_cannot_compare(
    accidents: pandas.DataFrame,
) -> None:
    select = "filter_based_feature_selection"
    chosen = run(select, accidents, label="dead", method="chi_squared", count=2)
    assert len(chosen["data"].columns) == 3
    with pytest.raises(InvalidInput, match="holds no numbers, which pearson compares"):
        run(select, accidents, label="dead")
    with pytest.raises(InvalidInput, match="from 0 on"):
        run(select, accidents.assign(weight=-1.0), label="dead", method="chi_squared")


def test_components_of_columns_hold_their_variance(accidents: pandas.DataFrame) -> None:
    rows = accidents[["weight", "ageOFocc", "yearVeh"]].assign(twice=accidents["weight"] * 2)
    made = run("principal_component_analysis", rows, components=3)
    assert sum(made["report"]["blocks"][0]["values"]) == pytest.approx(1.0, abs=1e-4)
    later = run("apply_transformation", made["transformation"], rows.head(2))
    assert later.equals(made["data"].head(2))
    with pytest.raises(InvalidInput, match="5 components cannot be made of 4"):
        run("principal_component_analysis", rows, components=5)


def test_groups_and_anomalies_are_found() -> None:
    rows = pandas.DataFrame({"x": [0.0, 0.2, 0.1, 9.0, 9.1, 9.2], "y": [0.0] * 3 + [5.0] * 3})
    made = run("k_means_clustering", rows, clusters=2)
    first, second = made["data"]["cluster"][:3].unique(), made["data"]["cluster"][3:].unique()
    assert len(first) == len(second) == 1 and first[0] != second[0]
    assert made["report"]["blocks"][0]["values"]["silhouette"] > 0.9
    later = run("assign_data_to_clusters", made["model"], rows.tail(1))
    assert later["cluster"].tolist() == second.tolist()
    assert len(run("assign_data_to_clusters", made["model"], rows.head(0))) == 0
    with pytest.raises(InvalidInput, match="cannot be parted in 7"):
        run("k_means_clustering", rows, clusters=7)
    many = pandas.concat([rows] * 20 + [pandas.DataFrame({"x": [900.0], "y": [-70.0]})])
    for method in ("isolation_forest", "one_class_svm", "local_outlier"):
        found = run("anomaly_detection", many, method=method, share=0.02)
        assert found["data"]["is_anomaly"].iloc[-1], method
        scored = run("score_model", found["model"], many.tail(1))
        assert scored["anomaly_score"].iloc[0] > 0
        with pytest.raises(InvalidInput, match="has no groups"):
            run("assign_data_to_clusters", found["model"], rows)


def test_texts_become_words_and_numbers() -> None:
    rows = pandas.DataFrame({"said": ["The GOOD food!", "bad food 33", None]})
    clean = run("preprocess_text", rows, column="said", further_stop_words=["Food"])["said"]
    assert clean.tolist()[:2] == ["good", "bad"] and clean.isna()[2]
    made = run("extract_n_gram_features", rows, column="said", longest=2, weights="presence")
    assert "said_good_food" in made["data"] and set(made["data"]["said_food"]) == {0.0, 1.0}
    later = run(
        "apply_transformation", made["transformation"], pandas.DataFrame({"said": ["new words"]})
    )
    assert later.to_numpy().sum() == 0
    hashed = run("feature_hashing", rows, column="said", bits=4, keep=True)
    assert hashed.drop(columns="said").to_numpy().sum() == 6
    with pytest.raises(InvalidInput, match="has no word in 5 rows"):
        run("extract_n_gram_features", rows, column="said", least_rows=5)


def test_data_are_written_and_read_again(accidents: pandas.DataFrame, tmp_path: Path) -> None:
    for form, ending in (("parquet", "parquet"), ("delimited", "csv"), ("arrow", "arrow")):
        path = tmp_path / f"accidents.{ending}"
        run("export_data", accidents, path=str(path), format=form)
        again = run("import_data", path=str(path))
        assert again["weight"].tolist() == accidents["weight"].tolist()
        with pytest.raises(AlreadyExists, match="is there already"):
            run("export_data", accidents, path=str(path), format=form)
        run("export_data", accidents.head(1), path=str(path), format=form, overwrite=True)
        assert len(run("import_data", path=str(path))) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "accidents.arrow",
        "accidents.csv",
        "accidents.parquet",
    ]
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"a": 1}\n{"a": 2}\n')
    assert run("import_data", path=str(lines))["a"].tolist() == [1, 2]
    with pytest.raises(InvalidInput, match="means nothing for json_lines"):
        run("import_data", path=str(lines), decimal=",")
    for name, options in (("rows.tsv", {}), ("rows.txt", {"separator": "\t"})):
        lines = tmp_path / name
        lines.write_text("a\tb\n1,5\tx\n")
        assert run("import_data", path=str(lines), decimal=",", **options)["a"].tolist() == [1.5]
    with pytest.raises(InvalidInput, match="no folder"):
        run("export_data", accidents, path=str(tmp_path / "no" / "x.csv"))
    for wrong in ({}, {"path": "x.csv"}, {"path": "/x.csv", "register_as": "x"}):
        with pytest.raises(InvalidInput, match="Export data cannot be used"):
            find_component("export_data")(**wrong)
    with pytest.raises(InvalidInput, match="absolute path"):
        find_component("import_data")(path="relative.csv")
    entered = find_component("enter_data_manually")(text="a,b\n1,x\n2,y")
    assert entered.columns({}) == {"data": columns_of(entered.run())}
    with pytest.raises(InvalidInput, match="read in a step of a pipeline"):
        run("dataset", dataset="cars")


def test_missing_numbers_are_missing_for_everybody(tmp_path: Path) -> None:
    from tandemlab.bridge import read_frame
    from tandemlab.designer.values import read_value, write_value

    rows = pandas.DataFrame({"x": [1.5, None, 3.0], "n": [1, 2, 3]}, index=[7, 3, 9])
    write_value("table", rows, tmp_path / "rows.arrow")
    kept = read_frame(tmp_path / "rows.arrow")
    assert kept.column_names == ["x", "n"] and kept["x"].null_count == 1
    again = read_value("table", tmp_path / "rows.arrow")
    assert again["x"].dtype == "float64" and again["x"].isna().tolist() == [False, True, False]
