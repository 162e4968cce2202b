"""Copies in the user's cache folder: what is used stays, what was used longest ago goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tandemlab.domain import InvalidInput
from tandemlab.store import copies

DAY = 86400


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def copy(cache: Path, name: str, days: float, size: int = 100) -> Path:
    """A copy that was last used so many days ago."""
    path = cache / "data" / name
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "a.csv").write_bytes(b"x" * size)
    os.utime(path, times=(time.time() - days * DAY,) * 2)
    return path


def test_what_was_used_longest_ago_goes_first(cache: Path) -> None:
    old, older, new = (
        copy(cache, name, days) for name, days in (("p/1", 3), ("q/2", 9), ("p/3", 0.5))
    )
    assert [each.path for each in copies.prune("data", most=250)] == [older]
    assert not (cache / "data" / "q").exists()
    assert copies.prune("data", most=250) == []
    assert [each.path for each in copies.prune("data", most=0)] == [old]
    assert [each.path for each in copies.kept("data")] == [new]
    assert (new / "deep" / "a.csv").exists() and list((cache / "data" / "p").iterdir()) == [new]


def test_what_is_used_or_linked_stays(cache: Path, tmp_path: Path) -> None:
    used, linked = copy(cache, "p/1", 9), copy(cache, "p/2", 9)
    links = tmp_path / "links"
    (links / "below").mkdir(parents=True)
    (links / "below" / "a.csv").symlink_to(linked / "deep" / "a.csv")
    (links / "other").symlink_to(tmp_path)
    copies.note_links(links)
    copies.use("data", [used / "deep" / "a.csv", cache / "data" / "p" / "9" / "x"])
    assert copies.prune("data") == []
    (links / "below" / "a.csv").unlink()
    assert [each.path for each in copies.prune("data")] == [linked]
    assert [each.path for each in copies.prune("data", unused_days=0)] == [used]


def test_the_limit_is_a_setting(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = copy(cache, "p/1", 9), copy(cache, "p/2", 2)
    copies.keep_within_limit("data")
    assert old.exists()
    monkeypatch.setenv(copies.LIMIT_VARIABLE, "0.1 kB")
    copies.keep_within_limit("data")
    assert not old.exists() and new.exists()
    monkeypatch.setenv(copies.LIMIT_VARIABLE, "much")
    with pytest.raises(InvalidInput, match="'much', which is no size"):
        copies.limit()
