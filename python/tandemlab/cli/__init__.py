"""The command line: ``tandemlab NOUN VERB``.

Results go to standard output, everything else to standard error. Help needs neither the store
nor the tracking layer: they are imported by the verbs that use them.
"""

from tandemlab.cli.program import main

__all__ = ["main"]
