"""Clusters of Ray: what the user says of one that is there, or is to be made."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tandemlab.compute.ray.cluster import DASHBOARD_PORT, RayCluster
from tandemlab.compute.remote.attaching import AttachConfiguration, given
from tandemlab.domain import InvalidInput


class RayCompute:
    """A cluster of Ray: it decides when and on which of its machines a run begins.

    >>> RayCompute.attach_configuration("head.example.org").settings["address"]
    'http://head.example.org:8265'
    """

    provisioning_configuration = RayCluster

    @staticmethod
    def attach_configuration(
        address: str,
        *,
        token: str | None = None,
        directory: str | None = None,
        python: str | None = None,
        rscript: str | None = None,
    ) -> AttachConfiguration:
        """What `ComputeTarget.attach` takes.

        Args:
            address: of the head's dashboard, such as ``"http://head:8265"``: the scheme is
                ``http`` and the port 8265 if they are left out.
            token: of a cluster with authentication; goes to the keyvault.
            directory: folder for all that runs, on each machine of the cluster;
                ``/tmp/tandemlab/WORKSPACE_ID`` if None.
            python: program there that runs scripts of Python; the search path's if None.
            rscript: program there that runs scripts of R; the search path's if None.

        Raises:
            InvalidInput: a value that cannot be one.
        """
        if directory is not None and not directory.startswith("/"):
            raise InvalidInput(
                f"{directory!r} is no whole path.", hint="Write one such as '/scratch/ana'."
            )
        named = {"directory": directory, "python": python, "rscript": rscript}
        settings: dict[str, Any] = {"address": whole_address(address), **given(named)}
        return AttachConfiguration("ray", settings, given({"token": token}))


def whole_address(address: str) -> str:
    """An address with scheme and port.

    Raises:
        InvalidInput: it is no address of a dashboard.

    >>> whole_address("https://ray.example.org/")
    'https://ray.example.org'
    """
    text = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query:
        raise InvalidInput(
            f"{address!r} is no address of a Ray dashboard.",
            hint="Write one such as 'http://head.example.org:8265'; ray:// is for Ray's clients.",
            details={"address": address},
        )
    if port is None and parts.scheme == "http":
        port = DASHBOARD_PORT
    place = f"[{host}]" if ":" in host else host
    ending = "" if port is None else f":{port}"
    return f"{parts.scheme}://{place}{ending}{parts.path.rstrip('/')}"
