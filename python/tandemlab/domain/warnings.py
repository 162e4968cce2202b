"""The warnings of tandemlab.

R raises the same as conditions of class ``tandemlab_warning_<code>``.
"""

from __future__ import annotations

from typing import ClassVar


class TandemlabWarning(UserWarning):
    """Base of every warning that tandemlab gives on purpose.

    Attributes:
        code: stable name of the kind of warning, the same in Python and R.
    """

    code: ClassVar[str] = "warning"


class PrecisionWarning(TandemlabWarning):
    """A number or a time has more digits than the other language holds, and is rounded."""

    code = "precision"


class ZoneWarning(TandemlabWarning):
    """A time keeps its instant and loses its zone, which the other language does not have."""

    code = "zone"


class AttributesWarning(TandemlabWarning):
    """What R has attached to a value has no place in Python, and is dropped."""

    code = "attributes"


class ConfigurationWarning(TandemlabWarning):
    """A configuration has settings that have no meaning here, and are left out."""

    code = "configuration"


class RWarning(TandemlabWarning):
    """A warning that R code gave."""

    code = "r"


WARNINGS: dict[str, type[TandemlabWarning]] = {
    kind.code: kind
    for kind in (
        PrecisionWarning,
        ZoneWarning,
        AttributesWarning,
        ConfigurationWarning,
        RWarning,
    )
}
