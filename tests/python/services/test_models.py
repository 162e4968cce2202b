"""Services of registered models: their own ``predict()`` answers, checked by their signature."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import pandas
import pytest
from sklearn.linear_model import LinearRegression

from tandemlab import Workspace
from tandemlab.bridge import find_r
from tandemlab.domain import InvalidInput, NotFound, StorageError
from tandemlab.models import Model, save_model
from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

INPUTS = pandas.DataFrame({"age": [20, 40, 70], "rate": [0.5, 1.5, 0.2]})


def register(lab: Workspace, folder: Path, slope: float, **options: Any) -> Model:
    """A line: what it predicts is `slope` for each year of age."""
    fit = LinearRegression().fit(INPUTS, slope * INPUTS["age"])
    joblib.dump(fit, folder / "line.joblib")
    return Model.register(lab, folder / "line.joblib", "line", **options)


def register_rule(lab: Workspace, folder: Path, **options: Any) -> Model:
    """A model that needs no library, so that it is there at once: it gives the column `rate`."""
    rule = SimpleNamespace(predict=methodcaller("get", "rate"))
    return Model.register(lab, save_model(rule, folder / "rule.pkl"), "line", **options)


def predictions(service: LocalWebservice, request: Any) -> list[float]:
    found: list[float] = service.run(request)["predictions"]
    return [round(value, 6) for value in found]


def test_a_registered_model_answers_by_its_predict_and_signature(
    services: Workspace, tmp_path: Path
) -> None:
    register(services, tmp_path, 1, sample_input_dataset=INPUTS)
    service = deploy_model(services, "line", ["line:1"])
    service.wait_for_deployment()
    assert [model.id for model in service.deployment.models] == ["line:1"]
    records = [{"age": 10, "rate": 0.5}, {"age": 30.0, "rate": 1}]
    assert predictions(service, records) == [10, 30]
    assert predictions(service, INPUTS) == [20, 40, 70]
    assert predictions(service, {"age": [10], "rate": [0.5]}) == [10]
    for request, named in (
        ([{"age": "old", "rate": 1}], "age"),
        ([{"rate": 1}], "age"),
        ([{"age": 1, "rate": 1, "sex": "f"}], "sex"),
        ({"age": [1, 2], "rate": [1]}, "length"),
        (3, "must be a list"),
    ):
        with pytest.raises(InvalidInput, match=named) as caught:
            service.run(request)
        assert caught.value.details["mistakes"]
    described = service.describe()
    content = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"]["oneOf"][0]["items"]["required"] == ["age", "rate"]
    assert content["example"]
    assert predictions(service, content["example"])
    register_rule(services, tmp_path, sample_input_dataset=INPUTS)
    service.update(["line"])
    assert predictions(service, records) == [0.5, 1]
    assert service.deployment.models[0].id == "line:2"


def test_a_script_may_have_its_requests_checked_and_finds_its_model(
    services: Workspace, tmp_path: Path, scripts: Callable[..., Path]
) -> None:
    script = scripts(
        "import json\nfrom tandemlab.models import Model\n"
        "def init():\n    global path\n    path = Model.get_model_path('line')\n"
        "def run(data): return {'rows': json.loads(data), 'file': path.name}\n"
    )
    model = register_rule(services, tmp_path, sample_input_dataset=INPUTS)
    config = InferenceConfig(script, check_inputs=True)
    service = deploy_model(services, "own", [model], config)
    service.wait_for_deployment()
    rows = [{"age": 1, "rate": 2}]
    assert service.run({"age": [1], "rate": [2]}) == {"rows": rows, "file": "rule.pkl"}
    with pytest.raises(InvalidInput, match="rate"):
        service.run([{"age": 1}])
    service.update(inference_config=InferenceConfig(script))
    assert service.run([1])["rows"] == [1]


def test_what_has_no_predict_or_no_signature_is_refused(
    services: Workspace, tmp_path: Path, scripts: Callable[..., Path]
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"1")
    Model.register(services, tmp_path / "weights.bin", "weights")
    with pytest.raises(InvalidInput, match="custom"):
        deploy_model(services, "demo", ["weights"])
    with pytest.raises(InvalidInput, match="one model"):
        deploy_model(services, "demo", [])
    with pytest.raises(InvalidInput, match="twice"):
        deploy_model(services, "demo", ["weights", "weights:1"])
    with pytest.raises(NotFound, match="wights"):
        deploy_model(services, "demo", ["wights"])
    config = InferenceConfig(scripts("def run(data): pass"), check_inputs=True)
    with pytest.raises(InvalidInput, match="signature"):
        deploy_model(services, "demo", ["weights"], config)
    assert LocalWebservice.list(services) == []


def test_a_model_whose_content_is_missing_is_not_deployed(
    services: Workspace, tmp_path: Path
) -> None:
    register_rule(services, tmp_path)
    (blob,) = (services.path / "blobs").glob("*/*")
    blob.unlink()
    with pytest.raises(StorageError, match=r"'rule\.pkl' is missing"):
        deploy_model(services, "line", ["line"])
    assert LocalWebservice.list(services) == []
    assert not list((services.path / "services").glob("*/revisions/*"))


@pytest.mark.full
def test_a_model_of_r_answers_by_its_predict_in_r(services: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "cars.rds"
    code = f"""
      data <- transform(mtcars, gear = factor(gear))
      fit <- glm(am ~ wt + gear, binomial, data)
      saveRDS(fit, {json.dumps(str(path))})
      new <- data.frame(wt = c(2, 3), gear = factor(c("4", "3"), levels = levels(data$gear)))
      cat(jsonlite::toJSON(unname(predict(fit, new, type = "response")), digits = NA))
    """
    expected = subprocess.run(
        [find_r().rscript, "-e", code], capture_output=True, text=True, check=True
    ).stdout
    signature = {
        "inputs": {
            "kind": "table",
            "columns": [
                {"name": "wt", "type": "double"},
                {"name": "gear", "type": "string", "values": ["3", "4", "5"]},
            ],
        }
    }
    model = Model.register(services, path, "cars", signature=signature)
    service = deploy_model(services, "cars", [model])
    service.wait_for_deployment()
    found = service.run([{"wt": 2, "gear": "4"}, {"wt": 3, "gear": "3"}])
    assert found == {"predictions": pytest.approx(json.loads(expected))}
    with pytest.raises(InvalidInput, match="gear"):
        service.run([{"wt": 2, "gear": "7"}])
