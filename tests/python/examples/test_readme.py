"""What README.md says can be pasted; its links lead somewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"


def snippets(language: str) -> list[str]:
    """The blocks of a language; `console` and `text` are not run, and MLflow's needs a server."""
    text = README.read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [snippet for snippet in found if "import mlflow" not in snippet]


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["r", "python", "bash"])
def test_snippets_run_in_a_checkout_after_the_demo(checkout, language):
    if language != "python" and shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    checkout.run(checkout.python, checkout.example / "prepare.py")
    programs = {
        "r": ("Rscript", "-e", "source('snippet', echo = TRUE)"),
        "python": (checkout.python, "snippet"),
        "bash": ("bash", "-eu", "snippet"),
    }
    found = snippets(language)
    assert found
    for snippet in found:
        (checkout.root / "snippet").write_text(snippet)
        checkout.run(*programs[language])
    (run,) = checkout.workspace.experiment("accidents").get_runs()
    assert run.status.value == "Completed"
    assert run.get_metrics()["auc"] > 0.85


def test_every_language_of_a_block_is_known():
    assert set(re.findall(r"^```(\w+)$", README.read_text(), re.MULTILINE)) == {
        *("r", "python", "bash"),
        *("console", "nginx", "text"),
    }


def test_links_lead_to_files_that_are_there():
    targets = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    lost = [
        target
        for target in targets
        if not target.startswith("http") and not (README.parent / target).exists()
    ]
    assert targets and not lost
