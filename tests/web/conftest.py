"""A workspace with something of everything, and the server that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugins.browser import barriers
from plugins.servers import Server
from plugins.workspaces import stop_agent
from tandemlab import LocalWebservice, Workspace
from web.lab import fill

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace that tests look at; they change only what they have made themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
        patch.setenv("TANDEMLAB_GRACE_SECONDS", "1")
        lab = Workspace.create(tmp_path_factory.mktemp("studio") / "crashes")
        fill(lab)
        yield lab
        for service in LocalWebservice.list(lab):
            service.delete()
        stop_agent(lab)
        lab.store.close()


@pytest.fixture(scope="session")
def studio(lab: Workspace) -> Iterator[str]:
    """The address of that workspace's pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
        server = Server(lab.path)
    yield f"{server.url}/studio/{lab.name}"
    server.kill()


@pytest.fixture
def check_access(pytestconfig: pytest.Config) -> Callable[[Page], None]:
    """Fails where a page has barriers, in light or dark colours."""

    def check(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                "scheme => document.documentElement.dataset.mantineColorScheme === scheme",
                arg=scheme,
            )
            assert barriers(page, Path(pytestconfig.rootpath)) == []

    return check
