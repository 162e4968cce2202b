"""Graphs of pipelines for people: a tree for terminals, and a flow chart in Mermaid's language."""

from __future__ import annotations

from collections.abc import Iterator

from tandemlab.domain.pipelines import Graph, Step, StepInput


def tree_of(graph: Graph) -> str:
    """The steps in an order in which they can run, each with what it reads and writes.

    >>> from tandemlab.domain.pipeline_documents import graph_of
    >>> print(tree_of(graph_of({"name": "study", "steps": {
    ...     "clean": {"script": "clean.py", "outputs": {"rows": "table"}},
    ...     "fit": {"script": "fit.R", "inputs": {"rows": {"step": "clean"}}},
    ... }})))
    pipeline study
    ├─ clean: clean.py
    │  └─ writes rows (table)
    └─ fit: fit.R
       └─ reads rows from clean
    """
    lines = [f"pipeline {graph.name or ''}".rstrip()]
    if graph.parameters:
        texts = [
            name if each.default is None else f"{name} = {each.default}"
            for name, each in graph.parameters.items()
        ]
        lines.append(f"├─ parameters: {', '.join(texts)}")
    for name in graph.order:
        is_last = name == graph.order[-1]
        lines.append(f"{'└─' if is_last else '├─'} {name}: {graph.steps[name].kind}")
        facts = list(_facts(graph.steps[name]))
        for fact in facts:
            branch = "└─" if fact == facts[-1] else "├─"
            lines.append(f"{'   ' if is_last else '│  '}{branch} {fact}")
    return "\n".join(lines)


def _facts(step: Step) -> Iterator[str]:
    for name, given in step.inputs.items():
        if given.step is None:
            yield f"reads {name}: {_place_of(given)}"
        else:
            alias = "" if given.output == name else f" ({given.output})"
            yield f"reads {name} from {given.step}{alias}"
    for name, output in step.outputs.items():
        yield f"writes {name} ({output.type})"
    listed = step.for_each
    if listed is not None:
        of = f" of {listed.step}" if listed.step else ""
        yield f"for each of {listed.parameter or listed.output or len(listed.items or ())}{of}"
    if step.when is not None:
        yield f"when {step.when}"
    linked = [given.step for given in step.links.values()]
    alone = [name for name in step.run_after if name not in linked]
    if alone:
        yield f"after {', '.join(alone)}"
    target = step.settings.get("compute_target", "local")
    if target != "local":
        yield f"on {target}"


def _place_of(given: StepInput) -> str:
    kinds = [kind for kind in ("path", "dataset", "model") if kind in given.settings]
    return " ".join(
        f"{'' if kind == 'path' else f'{kind} '}{given.settings[kind]}" for kind in kinds
    )


def mermaid_of(graph: Graph) -> str:
    """A flow chart in Mermaid's language, for Markdown.

    >>> from tandemlab.domain.pipeline_documents import graph_of
    >>> print(mermaid_of(graph_of({"steps": {
    ...     "clean": {"script": "clean.py", "outputs": {"rows": "table"}},
    ...     "fit": {"script": "fit.R", "inputs": {"rows": {"step": "clean"}}},
    ... }})))
    flowchart TD
      clean["clean<br/>clean.py"]
      fit["fit<br/>fit.R"]
      clean -->|rows| fit
    """
    lines = ["flowchart TD"]
    lines += [f'  {name}["{name}<br/>{_quoted(graph.steps[name].kind)}"]' for name in graph.order]
    for source, label, target in edges_of(graph):
        lines.append(f"  {source} -->|{label}| {target}" if label else f"  {source} -.-> {target}")
    return "\n".join(lines)


def edges_of(graph: Graph) -> list[tuple[str, str, str]]:
    """From which step to which, and by which output; empty for order alone."""
    found = []
    for name in graph.order:
        step = graph.steps[name]
        linked = [(str(each.step), str(each.output), name) for each in step.links.values()]
        found += linked
        sources = {source for source, _, _ in linked}
        found += [(each, "", name) for each in step.upstream if each not in sources]
    return found


def levels_of(graph: Graph) -> dict[str, int]:
    """How many steps have to be done before each, one after another."""
    found: dict[str, int] = {}
    for name in graph.order:
        found[name] = max((found[each] + 1 for each in graph.steps[name].upstream), default=0)
    return found


def _quoted(text: str) -> str:
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, code)
    return text
