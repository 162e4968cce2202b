"""What requests hold: a key that is not known is told, rather than passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from tandemlab.domain.schemas import unknown_name


class RequestContent(BaseModel):
    """The content of a request. A misspelt key would else leave what is usual in its place."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, content: Any) -> Any:
        if isinstance(content, Mapping):
            for key in sorted(map(str, content.keys() - cls.model_fields.keys())):
                told = unknown_name("key", key[:80], cls.model_fields)
                raise PydanticCustomError("unknown_key", "{told}", {"told": told})
        return content
