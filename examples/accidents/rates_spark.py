"""Who dies in a crash, by speed and seat belt? Spark counts, on all rows of nassCDS.csv.

    tandemlab compute attach spark 'local[*]'
    tandemlab run submit --target spark --input d=nassCDS.csv rates_spark.py --data '${inputs.d}'

nassCDS.csv is not among the files that are kept with runs, so it is an input; a dataset may be the
input `crashes` instead. The survey samples severe crashes more often than light ones; the weights
undo that.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as fn

from tandemlab import Dataset, get_current_run


def main() -> None:
    """Count people and deaths in each group, and log them."""
    parser = argparse.ArgumentParser(description="Deaths in crashes by speed and seat belt.")
    parser.add_argument("--data", default="nassCDS.csv", help="the survey's file")
    data = parser.parse_args().data

    run = get_current_run()
    given = run.input_datasets
    table = given["crashes"] if "crashes" in given else Dataset.Tabular.from_delimited_files(data)
    crashes = table.to_spark_dataframe(SparkSession.builder.getOrCreate())

    died = fn.when(fn.col("dead") == "dead", 1).otherwise(0)
    groups = crashes.groupBy("dvcat", "seatbelt").agg(
        fn.count("*").alias("people"),
        fn.sum(died).alias("deaths"),
        (fn.sum(died * fn.col("weight")) / fn.sum("weight")).alias("rate"),
    )
    rows = [row.asDict() for row in groups.orderBy("dvcat", "seatbelt").collect()]

    run.tag("language", "Python")
    run.log_table("rates", {name: [row[name] for row in rows] for name in rows[0]})
    for name in ("people", "deaths"):
        run.log(name, sum(row[name] for row in rows))
    Path("outputs").mkdir(exist_ok=True)
    with Path("outputs/rates.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        group = f"{row['dvcat']:8} {row['seatbelt']:7} {row['people']:6} people"
        print(f"{group}, {row['rate']:.2%} die")


if __name__ == "__main__":
    main()
