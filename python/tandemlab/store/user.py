"""The user's own folders: settings, what waits to be sent to servers, and what can be made anew."""

from __future__ import annotations

import os
from pathlib import Path


def configuration_folder() -> Path:
    """``$TANDEMLAB_CONFIG_DIR``, or the platform's configuration folder."""
    chosen = os.environ.get("TANDEMLAB_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_config_path

    return user_config_path("tandemlab")


def data_folder() -> Path:
    """``$TANDEMLAB_DATA_DIR``, or the platform's folder for data of programs."""
    chosen = os.environ.get("TANDEMLAB_DATA_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("tandemlab")


def cache_folder() -> Path:
    """``$TANDEMLAB_CACHE_DIR``, or the platform's cache folder."""
    chosen = os.environ.get("TANDEMLAB_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("tandemlab")
