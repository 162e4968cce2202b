"""Contents at another place than the workspace's folder: in S3, or in another folder."""

from tandemlab.store.artifacts.address import check_address
from tandemlab.store.artifacts.blobs import ArtifactBlobs
from tandemlab.store.artifacts.opening import (
    claim,
    home_of,
    is_ours,
    open_place,
    problem_of_home,
)
from tandemlab.store.artifacts.place import ArtifactPlace

__all__ = [
    "ArtifactBlobs",
    "ArtifactPlace",
    "check_address",
    "claim",
    "home_of",
    "is_ours",
    "open_place",
    "problem_of_home",
]
