"""What looking at the models of a file has shown that their files do not say."""

from collections.abc import Iterator, Sequence

from dagc.dsl.traced import Traced


def model_remarks(traced: Sequence[Traced]) -> Iterator[str]:
    """`models/detect.onnx: it takes one example at a time: two are refused`, once for each remark."""
    models = {path: (graph.store, key) for graph in traced for path, key in graph.models.items()}
    for path, (store, key) in sorted(models.items()):
        yield from (f"{path}: {remark}" for remark in store.signature(key).remarks)
