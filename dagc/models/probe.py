"""What sizes come out of a model for what sizes go in, found by running it, because files say little and may lie.

Sizes are varied one at a time and then together; a relation stands only if every run agrees with it. What does
not follow from sizes alone, or was not found out within the budget, is unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from dagc.ir.types import Dim, Tensor
from dagc.models.dim_names import computed
from dagc.models.example_feeds import Fill
from dagc.models.free_dims import FreeDims, free_dims
from dagc.models.model_error import ModelError
from dagc.models.relations import Form, Point, dividing_sizes, forms, relations
from dagc.models.signature import Port, Signature
from dagc.models.trial_sizes import Sizes, first_sizes, fresh_sizes, other_sizes, telling_sizes
from dagc.models.trials import Shapes, Trials

_ENOUGH = 3
"""Sizes that say something: two find a line, the third tests it."""

_MOST_REFUSALS = 12


class NotRunError(Exception):
    """The model has taken none of the inputs that were tried; the text says why."""


def probed(signature: Signature, trials: Trials) -> Signature:
    """The signature with its free input sizes named and its output sizes as expressions of them.

    Raises:
        ModelError: E0405 when an output's rows are not the examples, E0416 when an output has another shape than
            the file declares, E0412 when every run wants more memory than there is.
        NotRunError: nothing was found out.
    """
    if any(port.type.dims is None for port in signature.inputs):
        raise NotRunError("an input has no shape")
    free = free_dims([port.type.dims or () for port in signature.inputs])
    start = _start(free, trials)
    if start is not None:
        return _Probe(signature, trials, free, *start).result()
    if trials.starved:
        notes = (trials.refusal,) if trials.refusal else ()
        raise ModelError("E0412", "an example needs more memory than there is", notes)
    raise NotRunError(trials.refusal or "an example takes too long")


def unprobed(signature: Signature, reason: str) -> Signature:
    """What may be believed of a model that was not run: its fixed sizes, and that axis 0 is the batch."""
    inputs = signature.inputs
    if all(port.type.dims for port in inputs):
        inputs = _with_inputs(signature, free_dims([port.type.dims or () for port in inputs])).inputs
    batch = next((port.type.dims[0] for port in inputs if port.type.dims), None)
    outputs = []
    for port in signature.outputs:
        dims = port.type.dims
        known = None if dims is None else tuple(dim if isinstance(dim, int) else None for dim in dims)
        outputs.append(Port(port.name, Tensor(port.type.dtype, known and (known[0] or batch, *known[1:]))))
    remark = f"no example could be run, so sizes are those the file declares: {reason}"
    remarks = (*signature.remarks, remark)
    return replace(signature, inputs=inputs, outputs=tuple(outputs), remarks=remarks, ran=False)


def _start(free: FreeDims, trials: Trials) -> tuple[Sizes, Fill] | None:
    """The first sizes the model takes: two examples if it can, else one."""
    fills: tuple[Fill, ...] = ("seeded", "zeros", "ones")
    for sizes in first_sizes(free):
        for rows, fill in product((2, 1) if free.batch else (1,), fills):
            whole = {**sizes, free.batch or "": rows}
            if trials.shapes(free.shapes(whole), fill) is not None:
                return whole, fill
        if trials.exhausted:
            return None
    return None


@dataclass(slots=True)
class _Probe:
    """One model's runs so far, all with one fill."""

    signature: Signature
    trials: Trials
    free: FreeDims
    base: Sizes
    fill: Fill
    seen: list[tuple[Sizes, Shapes]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def result(self) -> Signature:
        """The signature that every run agrees with."""
        self._look(self.base)
        batch = self.free.batch
        several = batch is not None and self.base[batch] > 1
        if batch is not None and several:
            for rows in (1, 3):
                self._look({**self.base, batch: rows})
        for name in self.free.names:
            if name in self.free.names:  # it may have been united with one before it
                self._vary(name)
        self._together()
        unstable = self._unstable()
        if batch is not None and not several:
            self.remarks.append("it takes one example at a time: two are refused")
        found = [self._dims(index, unstable) for index in range(len(self.signature.outputs))]
        outputs = tuple(
            Port(port.name, Tensor(port.type.dtype, self._confirmed(index, found[index])))
            for index, port in enumerate(self.signature.outputs)
        )
        whole = _with_inputs(self.signature, self.free, alone=not several)
        return replace(whole, outputs=outputs, remarks=(*whole.remarks, *self.remarks))

    def _look(self, sizes: Sizes) -> Shapes | None:
        """The shapes at these sizes, noted down."""
        if any(sizes == known for known, _ in self.seen):
            return next(shapes for known, shapes in self.seen if known == sizes)
        shapes = self.trials.shapes(self.free.shapes(sizes), self.fill)
        if shapes is not None:
            _told_the_truth(self.signature, shapes)
            self.seen.append((sizes, shapes))
        return shapes

    def _vary(self, name: str) -> None:
        if self._acceptsother_sizes(name):
            return
        for group in self._partners(name):
            before = self.free
            self.free = before.united(group)
            if self._acceptsother_sizes(name):
                return
            self.free = before
        if not self.trials.exhausted:
            self.remarks.append(f"`{name}` was varied, and only {self.base[name]} is accepted")

    def _acceptsother_sizes(self, name: str) -> bool:
        accepted = 0
        for size in other_sizes(self.base[name]):
            accepted += self._look({**self.base, name: size}) is not None
            if accepted == _ENOUGH + 1:
                break
        return accepted > 0

    def _partners(self, name: str) -> Iterator[tuple[str, ...]]:
        """Groups of sizes that may have to be equal: any two, those on the same axis, all."""
        others = [o for o in self.free.names if o != name and self.base[o] == self.base[name]]
        yield from ((name, other) for other in others)
        places = self.free.places(name)
        beside = tuple(other for other in others if self.free.places(other) & places)
        yield from dict.fromkeys(group for group in ((name, *beside), (name, *others)) if len(group) > 2)

    def _together(self) -> None:
        """Runs in which every size differs from its first one."""
        names = [*self.free.names, *([self.free.batch] if self.free.batch else [])]
        for turn in range(2):
            sizes = dict(self.base)
            for name in names:
                others = [known[name] for known, _ in self.seen if known[name] != self.base[name]]
                if others:
                    sizes[name] = others[turn % len(others)]
            self._look(sizes)

    def _unstable(self) -> set[tuple[int, int]]:
        """Places (output, axis) whose size hangs on values: it differs between fills of the same sizes."""
        other: Fill = "zeros" if self.fill == "seeded" else "seeded"
        found: set[tuple[int, int]] = set()
        for sizes, shapes in self.seen[:2]:
            again = self.trials.shapes(self.free.shapes(sizes), other)
            for index, (one, two) in enumerate(zip(shapes, again or shapes, strict=True)):
                if len(one) != len(two):
                    found.add((index, -1))
                found |= {(index, axis) for axis, (a, b) in enumerate(zip(one, two, strict=False)) if a != b}
        return found

    def _dims(self, index: int, unstable: set[tuple[int, int]]) -> tuple[Dim, ...] | None:
        name = self.signature.outputs[index].name
        self._rows_are_examples(name, index, values_matter=(index, 0) in unstable)
        ranks = {len(shapes[index]) for _, shapes in self.seen}
        if len(ranks) > 1 or (index, -1) in unstable:
            return None
        batch = self.free.batch if self.free.batch and self.base[self.free.batch] > 1 else 1
        rest = range(1, ranks.pop())
        return (batch, *(None if (index, axis) in unstable else self._dim(index, axis) for axis in rest))

    def _confirmed(self, index: int, dims: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
        """The dims without those that a run disagrees with which came after they were found."""
        self._rows_are_examples(self.signature.outputs[index].name, index, values_matter=False)
        if dims is None or any(len(shapes[index]) != len(dims) for _, shapes in self.seen):
            return None
        agree = (
            axis == 0 or all(computed(dim, sizes) == shapes[index][axis] for sizes, shapes in self.seen)
            for axis, dim in enumerate(dims)
        )
        return tuple(dim if agrees else None for dim, agrees in zip(dims, agree, strict=True))

    def _rows_are_examples(self, name: str, index: int, *, values_matter: bool) -> None:
        for sizes, shapes in self.seen:
            rows = sizes[self.free.batch] if self.free.batch else 1
            if not shapes[index] or shapes[index][0] != rows or values_matter:
                axis = None if values_matter else self._counting_axis(index)
                raise _no_batch_axis(name, rows, shapes[index], axis, values_matter=values_matter)

    def _counting_axis(self, index: int) -> int | None:
        """The axis of an output that was as long as the batch in every run, if it is one."""
        found = [
            {axis for axis, size in enumerate(shapes[index]) if size == sizes[batch]}
            for sizes, shapes in self.seen
            if (batch := self.free.batch) is not None
        ]
        axes = set.intersection(*found) if len(found) > 1 else set()
        return axes.pop() if len(axes) == 1 else None

    def _dim(self, index: int, axis: int) -> Dim:
        """One size as a number or an expression; unknown unless every run agrees."""
        values = [(sizes, shapes[index][axis]) for sizes, shapes in self.seen]
        value = values[0][1]
        if all(other == value for _, other in values):
            return value
        single: dict[str, Form] = {}
        for name in (self.free.batch or "", *self.free.names):
            points = self._points(name, index, axis)
            if len({out for _, out in points}) > 1:
                found = self._form(name, index, axis, points)
                if found is None:
                    return None
                single[name] = found
        return self._relation(single, value, index, axis)

    def _relation(self, single: Mapping[str, Form], value: int, index: int, axis: int) -> Dim:
        runs = [(sizes, shapes[index][axis]) for sizes, shapes in self.seen]
        if len(single) == 1:
            ((name, form),) = single.items()
            return form.text(name) if all(form.at(sizes[name]) == out for sizes, out in runs) else None
        for relation in relations(single, self.base, value):
            if all(relation.at(sizes) == out for sizes, out in runs):
                return relation.text()
        return None

    def _points(self, name: str, index: int, axis: int) -> list[Point]:
        """What came out while only `name` was varied."""
        rest = {other: size for other, size in self.base.items() if other != name}
        return [
            (sizes[name], shapes[index][axis])
            for sizes, shapes in self.seen
            if name in sizes and rest.items() <= sizes.items()
        ]

    def _form(self, name: str, index: int, axis: int, points: list[Point]) -> Form | None:
        """The simplest form through all points, after runs at the sizes where its rivals differ from it."""
        if len(points) < _ENOUGH:
            return None
        candidates = forms(points)
        untried = telling_sizes(self.base[name])
        taken = [size for size, _ in points]
        refusals = 0
        while refusals < _MOST_REFUSALS and (sizes := dividing_sizes(candidates, untried)):
            # Where rivals differ most, until a size is refused; then close to the sizes that were taken.
            size = min(sizes, key=lambda s: min(abs(s - t) for t in taken)) if refusals else sizes[0]
            untried.remove(size)
            shapes = self._look({**self.base, name: size})
            if shapes is None:
                refusals += 1
                continue
            taken.append(size)
            candidates = [form for form in candidates if form.at(size) == shapes[index][axis]]
        for size in fresh_sizes(self.base[name]):
            shapes = self._look({**self.base, name: size})
            if shapes is not None and candidates and candidates[0].at(size) != shapes[index][axis]:
                return None
        return candidates[0] if candidates else None


def _with_inputs(signature: Signature, free: FreeDims, *, alone: bool = False) -> Signature:
    inputs = []
    for port, dims in zip(signature.inputs, free.inputs, strict=True):
        head: Dim = 1 if alone else dims[0]
        inputs.append(Port(port.name, Tensor(port.type.dtype, (head, *dims[1:]))))
    return replace(signature, inputs=tuple(inputs))


def _told_the_truth(signature: Signature, shapes: Shapes) -> None:
    for port, shape in zip(signature.outputs, shapes, strict=True):
        declared = port.type.dims
        if declared is None:
            continue
        fixed = enumerate(zip(declared[1:], shape[1:], strict=False), 1)
        wrong = [axis for axis, (said, is_) in fixed if isinstance(said, int) and said > 0 and said != is_]
        if len(declared) != len(shape) or wrong:
            found = ", ".join(str(size) for size in shape)
            raise ModelError(
                "E0416",
                f"output `{port.name}` is declared `{port.type}`, but an example gave a tensor of shape [{found}]",
                ("the model was run; who relies on a wrong shape reads wrong values",),
                "export the model again, or remove the declared shape: `del output.type.tensor_type.shape.dim[:]`",
            )


def _no_batch_axis(
    name: str, rows: int, shape: tuple[int, ...], axis: int | None, *, values_matter: bool
) -> ModelError:
    found = ", ".join(str(size) for size in shape)
    why = "the number of its rows depends on values" if values_matter else f"it has the shape [{found}]"
    examples = f"{rows} examples" if rows > 1 else "one example"
    export = (
        "export the model so that axis 0 of every output counts the examples, and do what picks or joins rows "
        "(such as NonMaxSuppression) in a step"
    )
    return ModelError(
        "E0405",
        f"output `{name}` has no batch axis: for {examples} {why}",
        (
            "a model is served many examples at once; they lie along axis 0 of every input and output unless "
            "`batch_axes=` says where",
        ),
        export if axis is None else f'axis {axis} counts them, so say so: `batch_axes={{"{name}": {axis}}}`',
    )
