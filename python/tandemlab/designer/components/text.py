"""Components that make numbers of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.transformations import Transformation
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas

_IN = {"data": Port("table", "Rows with texts.")}
_CATEGORY = "Text analytics"


def _texts(frame: pandas.DataFrame, name: str) -> list[str]:
    """A column as texts; missing ones are empty."""
    from tandemlab.automl.featurizer import as_texts

    found: list[str] = as_texts(frame[name]).astype(object).fillna("").tolist()
    return found


class PreprocessText(Component):
    """Cleans texts: one case, without numbers, punctuation, addresses or frequent small words.

    Missing texts stay missing.

    >>> import pandas
    >>> rows = pandas.DataFrame({"said": ["The 3 cats, at https://cats.org!"]})
    >>> PreprocessText(column="said").run(rows)["said"].tolist()
    ['cats']
    """

    name = "preprocess_text"
    title = "Preprocess text"
    category = _CATEGORY
    keywords = ("clean", "stop words", "lower case", "normalize")
    inputs = _IN
    outputs = {"data": Port("table", "Rows with clean texts.")}

    class Parameters(ComponentParameters):
        """What is taken out."""

        column: str = column_of("data", description="Column with texts.")
        lower_case: bool = Field(True, description="Whether capitals become small letters.")
        remove_addresses: bool = Field(True, description="Of e-mail and of web pages.")
        remove_numbers: bool = Field(True, description="Words of digits.")
        remove_punctuation: bool = Field(True, description="All but letters, digits and spaces.")
        stop_words: Literal["english", "none"] = Field(
            "english", description="Whose small words (the, of, and …) are taken out."
        )
        further_stop_words: list[str] = Field([], description="Other words that are taken out.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table with clean texts."""
        import pandas

        name = self.parameters.column
        check_columns(data, [name])
        clean = [self._clean(text) for text in _texts(data, name)]
        values = pandas.Series(clean, index=data.index, dtype="str").where(data[name].notna())
        return data.assign(**{name: values})

    def _clean(self, text: str) -> str:
        import re

        given = self.parameters
        if given.lower_case:
            text = text.lower()
        if given.remove_addresses:
            text = re.sub(r"\S+@\S+|https?://\S+|www\.\S+", " ", text)
        if given.remove_punctuation:
            text = re.sub(r"[^\w\s]|_", " ", text)
        if given.remove_numbers:
            text = re.sub(r"\b\d+(?:[.,]\d+)*\b", " ", text)
        left_out = self._left_out()
        return " ".join(word for word in text.split() if word.lower() not in left_out)

    def _left_out(self) -> set[str]:
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        given = self.parameters
        usual = ENGLISH_STOP_WORDS if given.stop_words == "english" else frozenset()
        return {*usual, *(word.lower() for word in given.further_stop_words)}


@dataclass(frozen=True)
class Vectors(Transformation):
    """Replaces a column of texts by a column of numbers for each word, or group of words.

    Attributes:
        column: with the texts.
        vectorizer: of scikit-learn, fitted.
        names: of the new columns.
        keep: whether the column itself stays.
    """

    column: str
    vectorizer: Any
    names: Sequence[str]
    keep: bool

    @property
    def wanted(self) -> Sequence[str]:
        """The column."""
        return [self.column]

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        import pandas

        found = self.vectorizer.transform(_texts(frame, self.column)) if len(frame) else None
        values = None if found is None else found.toarray()
        made = pandas.DataFrame(
            values, columns=list(self.names), index=frame.index, dtype="float64"
        )
        kept = frame if self.keep else frame.drop(columns=self.column)
        clashes = [name for name in self.names if name in kept.columns]
        return pandas.concat([kept.drop(columns=clashes), made], axis=1)


class ExtractNGramFeatures(Component):
    """Makes a column for each frequent word, or group of neighbouring words, of a text.

    The words are learned from this table, with how rare they are; the transformation counts the
    same words in other rows. Words that were not there count nothing.

    >>> import pandas
    >>> rows = pandas.DataFrame({"said": ["good food", "bad food"]})
    >>> made = ExtractNGramFeatures(column="said", weights="counts").run(rows)
    >>> made["data"].astype(int).to_dict("list")
    {'said_bad': [0, 1], 'said_food': [1, 1], 'said_good': [1, 0]}
    """

    name = "extract_n_gram_features"
    title = "Extract n-gram features from text"
    category = _CATEGORY
    keywords = ("bag of words", "tf-idf", "vocabulary")
    inputs = _IN
    outputs = {
        "data": Port("table", "A column for each word."),
        "transformation": Port("transformation", "For Apply transformation."),
    }

    class Parameters(ComponentParameters):
        """Which words, and how they count."""

        column: str = column_of("data", description="Column with texts.")
        longest: int = Field(1, ge=1, le=5, description="Words in a group, at most.")
        most: int = Field(200, ge=1, le=20_000, description="Columns, at most; the most frequent.")
        least_rows: int = Field(1, ge=1, description="Rows that a word has to be in, at least.")
        weights: Literal["tf_idf", "counts", "presence"] = Field(
            "tf_idf", description="tf_idf lets rare words count more."
        )
        keep: bool = Field(False, description="Whether the column of texts stays.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """A column for each word."""
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        given = self.parameters
        check_columns(data, [given.column])
        settings: dict[str, Any] = {
            "ngram_range": (1, given.longest),
            "max_features": given.most,
            "min_df": given.least_rows,
            "token_pattern": r"(?u)\b\w+\b",
        }
        if given.weights == "tf_idf":
            vectorizer = TfidfVectorizer(**settings)
        else:
            vectorizer = CountVectorizer(**settings, binary=given.weights == "presence")
        try:
            vectorizer.fit(_texts(data, given.column))
        except ValueError:
            raise InvalidInput(
                f"{given.column!r} has no word in {given.least_rows} rows or more.",
                hint="Choose a column with texts, or ask for fewer rows.",
            ) from None
        words = vectorizer.get_feature_names_out()
        made = Vectors(
            given.column,
            vectorizer,
            [f"{given.column}_{word.replace(' ', '_')}" for word in words],
            given.keep,
        )
        return {"data": made.transform(data), "transformation": made}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They depend on the texts."""
        return {"data": None}


class FeatureHashing(Component):
    """Makes a fixed number of columns of a text, without learning its words.

    Each word goes to one of the columns by a hash. Quick, the same for all tables, and nothing can
    be read from the columns.

    >>> import pandas
    >>> rows = pandas.DataFrame({"said": ["good food", "bad food"]})
    >>> list(FeatureHashing(column="said", bits=1).run(rows).columns)
    ['said_0', 'said_1']
    """

    name = "feature_hashing"
    title = "Feature hashing"
    category = _CATEGORY
    keywords = ("hash", "bag of words")
    inputs = _IN
    outputs = {"data": Port("table", "The columns.")}

    class Parameters(ComponentParameters):
        """How many columns."""

        column: str = column_of("data", description="Column with texts.")
        bits: int = Field(8, ge=1, le=14, description="2 to this power are the columns.")
        longest: int = Field(1, ge=1, le=5, description="Words in a group, at most.")
        keep: bool = Field(False, description="Whether the column of texts stays.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The columns."""
        from sklearn.feature_extraction.text import HashingVectorizer

        given = self.parameters
        size = 1 << given.bits
        hashing = HashingVectorizer(
            n_features=size, ngram_range=(1, given.longest), alternate_sign=False, norm=None
        )
        names = [f"{given.column}_{place}" for place in range(size)]
        return Vectors(given.column, hashing, names, given.keep).transform(data)
