"""Tables as data frames of Spark, in a session that its user has started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from plugins.spark import spark_home
from tandemlab.data import Dataset
from tandemlab.domain import MissingDependency

ROWS = """
SELECT 1::TINYINT small, 200::UTINYINT byte, 18446744073709551615::UBIGINT huge, 1.5::FLOAT real,
  1.25::DECIMAL(10, 2) price, 'é' word, 'y'::ENUM('y', 'z') kind, DATE '2020-01-02' AS "day",
  TIMESTAMP '2020-01-02 03:04:05.678901' clock, TIMESTAMPTZ '2020-01-02 03:04:05+00' moment,
  true flag, NULL::INTEGER missing, [1, 2] list, {'p': 1} pair
"""
TYPES = {
    "small": "tinyint",
    "byte": "smallint",
    "huge": "decimal(20,0)",
    "real": "float",
    "price": "decimal(10,2)",
    "word": "string",
    "kind": "string",
    "day": "date",
    "clock": "timestamp_ntz",
    "moment": "timestamp",
    "flag": "boolean",
    "missing": "int",
    "list": "array<int>",
    "pair": "struct<p:int>",
}
TEXTS = [
    *("1", "200", "18446744073709551615", "1.5", "1.25", "é", "y", "2020-01-02"),
    *("2020-01-02 03:04:05.678901", "2020-01-02 12:04:05", "true", None, "[1, 2]", "{1}"),
]
SESSION = """
import json, sys
from pathlib import Path
from pyspark.sql import SparkSession
from tandemlab.data import Dataset
from tandemlab.domain import InvalidInput

folder = Path(sys.argv[1])
settings = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "Asia/Tokyo",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()

def shown(frame):
    texts = frame.selectExpr(*(f"string(`{name}`)" for name in frame.columns))
    return [dict(frame.dtypes), [list(row) for row in texts.collect()]]

rows = Dataset.Tabular.from_parquet_files(folder / "rows.parquet")
found = [shown(rows.to_spark_dataframe()), shown(rows.to_spark_dataframe(session, folder / "new"))]
for path in (None, folder / "other"):
    try:
        Dataset.Tabular.from_parquet_files(folder / "odd.parquet").to_spark_dataframe(path=path)
    except InvalidInput as problem:
        found.append(problem.message)
(folder / "found.json").write_text(json.dumps(found))
"""


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_table_has_its_types_and_values_in_spark(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("Java is not installed; tools/bootstrap dev does that")
    duckdb.sql(ROWS).write_parquet(str(tmp_path / "rows.parquet"))
    duckdb.sql("SELECT INTERVAL 1 DAY span").write_parquet(str(tmp_path / "odd.parquet"))
    variables = {**os.environ, "PYTHONPATH": str(spark_home().parent)}
    subprocess.run([sys.executable, "-c", SESSION, tmp_path], env=variables, check=True)
    memory, parquet, *refused = json.loads((tmp_path / "found.json").read_text())
    assert memory == [TYPES, [TEXTS]]
    assert parquet == [TYPES, [TEXTS]]
    assert len(refused) == 2 and all("'span' is of type" in each for each in refused)
    assert not (tmp_path / "other").exists()


def test_without_pyspark_its_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    rows = Dataset.Tabular.from_delimited_files(tmp_path / "a.csv")
    with pytest.raises(MissingDependency, match=r"Data frames of Spark need .* pyspark"):
        rows.to_spark_dataframe()
