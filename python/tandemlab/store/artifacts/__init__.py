"""Contents at another place than the workspace's folder: in S3, or in another folder."""

from tandemlab.store.artifacts.address import check_address
from tandemlab.store.artifacts.blobs import ArtifactBlobs
from tandemlab.store.artifacts.opening import claim, is_ours, open_place
from tandemlab.store.artifacts.place import ArtifactPlace

__all__ = ["ArtifactBlobs", "ArtifactPlace", "check_address", "claim", "is_ours", "open_place"]
