"""Components that mark where requests come in and answers go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.designer.component import Component, Port

if TYPE_CHECKING:
    import pandas

_CATEGORY = "Web service"


class WebServiceInput(Component):
    """Marks where the rows of a request come in once the pipeline answers as a service.

    While the pipeline runs, the table passes as it is: it says what columns requests have.

    >>> import pandas
    >>> len(WebServiceInput().run(pandas.DataFrame({"x": [1]})))
    1
    """

    name = "web_service_input"
    title = "Web service input"
    category = _CATEGORY
    keywords = ("deploy", "request", "inference")
    inputs = {"data": Port("table", "Rows like those of requests.")}
    outputs = {"data": Port("table", "The same rows.")}

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The same rows."""
        return data


class WebServiceOutput(Component):
    """Marks the table whose rows are the answer once the pipeline answers as a service.

    >>> import pandas
    >>> len(WebServiceOutput().run(pandas.DataFrame({"x": [1]})))
    1
    """

    name = "web_service_output"
    title = "Web service output"
    category = _CATEGORY
    keywords = ("deploy", "answer", "inference")
    inputs = {"data": Port("table", "Rows of the answer.")}
    outputs = {"data": Port("table", "The same rows.")}

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The same rows."""
        return data
