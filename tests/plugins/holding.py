"""A task of automated ML that holds memory, in a module that processes elsewhere can import."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MUCH = 1 << 20


@dataclass(frozen=True)
class Holding:
    """Holds so many bytes; much for so long that it has to be ended.

    Attributes:
        begun: a file that takes the pid of each process that does it.
    """

    size: int
    begun: Path
    is_at_home: bool = False

    def run(self, _: Any) -> str:
        """As `Task` says."""
        with self.begun.open("a") as file:
            file.write(f"{os.getpid()}\n")
        held = b"x" * self.size
        time.sleep(600 if len(held) > _MUCH else 0)
        return "done"

    def lost(self, reason: str) -> str:
        """As `Task` says."""
        return reason
