from __future__ import annotations

from collections.abc import Callable

from tandemlab.designer import list_components
from tandemlab.designer.pages import page_of


def test_components_are_listed_and_their_pages_printed(call: Callable) -> None:
    answer = call("component", "show", "split_data")
    assert answer.out == page_of(list_components()["split_data"])
    refused = call("component", "show", "splitdata")
    assert refused.status == 2 and "did you mean 'split_data'" in refused.err
    (row,) = [
        each
        for each in call("component", "list", "-o", "json").json
        if each["name"] == "split_data"
    ]
    assert row["outputs"] == "first (table), second (table)"
