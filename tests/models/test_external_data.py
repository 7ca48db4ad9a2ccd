"""Tensors outside of the model's file: read only from where they may lie, wherever in the model they stand."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from dagc.models.model_error import ModelError
from dagc.models.read import read_model
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

WEIGHTS = np.array([1, 2, 3], np.float32).tobytes()
Entries = dict[str, str]


def tensor(entries: Entries) -> TensorProto:
    """Three numbers that lie elsewhere."""
    made = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    made.ClearField("raw_data")
    made.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        made.external_data.add(key=key, value=value)
    return made


def model(body: str) -> onnx.ModelProto:
    head = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'
    return parser.parse_model(f"{head} g (float[N,3] x) => (float[N,3] y) {{ {body} }}")


def in_initializer(found: TensorProto) -> onnx.ModelProto:
    proto = model("y = Add(x, w)")
    proto.graph.initializer.append(found)
    return proto


def in_constant(found: TensorProto) -> onnx.ModelProto:
    proto = model("w = Constant<value = float[3] {0.0, 0.0, 0.0}>() y = Add(x, w)")
    proto.graph.node[0].attribute[0].t.CopyFrom(found)
    return proto


def in_branch(found: TensorProto, *, constant: bool = False) -> onnx.ModelProto:
    made = "w = Constant<value = float[3] {0.0, 0.0, 0.0}>()" if constant else ""
    proto = model(
        "c = Constant<value = bool {1}>() y = If(c) <then_branch = t () => (float[N,3] r) "
        f"{{ {made} r = Add(x, w) }}, else_branch = e () => (float[N,3] q) {{ q = Neg(x) }}>"
    )
    branch = next(a.g for a in proto.graph.node[1].attribute if a.name == "then_branch")
    if constant:
        branch.node[0].attribute[0].t.CopyFrom(found)
    else:
        branch.initializer.append(found)
    return proto


def in_branch_constant(found: TensorProto) -> onnx.ModelProto:
    return in_branch(found, constant=True)


def in_function(found: TensorProto) -> onnx.ModelProto:
    proto = model("y = own.more(x)")
    nodes = [helper.make_node("Constant", [], ["w"], value=found), helper.make_node("Add", ["a", "w"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    proto.functions.append(helper.make_function("own", "more", ["a"], ["b"], nodes, opsets))
    return proto


def in_list(found: TensorProto) -> onnx.ModelProto:
    proto = model("y = Neg(x)")
    attribute = proto.graph.node[0].attribute.add(name="many", type=onnx.AttributeProto.TENSORS)
    attribute.tensors.append(found)
    return proto


def sparse(values: TensorProto, indices: TensorProto) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(values, indices, [9])


def in_sparse_values(found: TensorProto) -> onnx.ModelProto:
    proto = model("y = Neg(x)")
    proto.graph.sparse_initializer.append(sparse(found, numpy_helper.from_array(np.arange(3), "i")))
    return proto


def in_sparse_indices(found: TensorProto) -> onnx.ModelProto:
    proto = model("y = Neg(x)")
    found.data_type = TensorProto.INT64
    proto.graph.sparse_initializer.append(sparse(numpy_helper.from_array(np.ones(3, np.float32), "w"), found))
    return proto


def in_sparse_constant(found: TensorProto) -> onnx.ModelProto:
    proto = model("w = Constant<value = float[3] {0.0, 0.0, 0.0}>() y = Add(x, w)")
    whole = sparse(found, numpy_helper.from_array(np.arange(3), "i"))
    proto.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("sparse_value", whole))
    return proto


DENSE = (in_initializer, in_constant, in_branch, in_branch_constant, in_function)
PLACES = (*DENSE, in_list, in_sparse_values, in_sparse_indices, in_sparse_constant)

OUTSIDE: tuple[Entries, ...] = tuple(
    {"location": location}
    for location in (
        "", ".", "..", "./..", "../secret", "a/../../secret", "a/./../../secret", "/etc/hostname",
        "//etc/hostname", "C:/x", "c:x", "a\\b", "..\\secret", "a\0b", "file://secret", "missing.bin", "folder",
        "soft", "chain",
        "softly/w.bin", "softly/../models/own.bin", "within", "hard", "pipe", "dangling", "/dev/zero",
        "/proc/self/environ", "*/_ORT_MEM_ADDR_/*", "~/secret", "a" * 5000,
    )
)  # fmt: skip
BEYOND: tuple[Entries, ...] = tuple(
    {"location": "own.bin", **entries}
    for entries in (
        {"offset": "4", "length": "12"}, {"offset": "0", "length": "13"}, {"offset": "-1", "length": "12"},
        {"offset": "0", "length": "-1"}, {"offset": "x"}, {"offset": "99"}, {"offset": str(2**64)},
        {"offset": "9" * 5000}, {"length": str(2**63)}, {"length": "1" * 5000}, {"offset": str(2**64 - 4)},
        {"offset": "0x0"}, {"offset": " 0"}, {"length": "1e1"}, {"offset": "٣"},
    )
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the model beside a secret, with every kind of way to it."""
    made = tmp_path / "models"
    (made / "folder").mkdir(parents=True)
    (made / "a").mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(WEIGHTS)
    (tmp_path / "w.bin").write_bytes(WEIGHTS)
    (made / "own.bin").write_bytes(WEIGHTS)
    (made / "soft").symlink_to(secret)
    (made / "chain").symlink_to("soft")
    (made / "softly").symlink_to(tmp_path)
    (made / "within").symlink_to("a/inner.bin")
    (made / "a" / "inner.bin").write_bytes(WEIGHTS)
    (made / "dangling").symlink_to("nowhere")
    os.link(secret, made / "hard")
    os.mkfifo(made / "pipe")
    return made


def refusals(
    folder: Path, place: Callable[[TensorProto], onnx.ModelProto], entries: tuple[Entries, ...]
) -> list[str]:
    """The codes for the same place with each of the entries; a model that is read has none."""
    codes = []
    for each in entries:
        file = folder / "m.onnx"
        file.write_bytes(place(tensor(each)).SerializeToString())
        with pytest.raises(ModelError) as error:
            read_model(file)
        assert error.value.help
        codes.append(error.value.code)
    return codes


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_what_lies_outside_or_behind_links_is_refused(
    folder: Path, place: Callable[[TensorProto], onnx.ModelProto]
) -> None:
    assert refusals(folder, place, OUTSIDE) == ["E0406"] * len(OUTSIDE)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_what_lies_beyond_its_file_is_refused(
    folder: Path, place: Callable[[TensorProto], onnx.ModelProto]
) -> None:
    assert refusals(folder, place, BEYOND) == ["E0406"] * len(BEYOND)


def test_there_are_as_many_placements_as_were_promised() -> None:
    assert len(PLACES) * (len(OUTSIDE) + len(BEYOND)) >= 88


@pytest.mark.parametrize("place", DENSE, ids=lambda place: place.__name__)
@pytest.mark.parametrize(
    "entries",
    [
        {"location": "own.bin"},
        {"location": "a/inner.bin"},
        {"location": "./own.bin", "length": "12"},
        {"location": "padded.bin", "offset": "8", "length": "12"},
    ],
    ids=lambda entries: entries["location"],
)
def test_what_lies_in_the_folder_is_read_into_the_model(
    folder: Path, place: Callable[[TensorProto], onnx.ModelProto], entries: Entries
) -> None:
    (folder / "padded.bin").write_bytes(b"12345678" + WEIGHTS + b"more")
    file = folder / "m.onnx"
    file.write_bytes(place(tensor(entries)).SerializeToString())
    content = read_model(file)
    assert b".bin" not in content
    (y,) = Runner(content).run({"x": np.zeros((1, 3), np.float32)}, ["y"])
    assert y.tolist() == [[1, 2, 3]]


def test_a_changed_data_file_is_read_anew(folder: Path) -> None:
    file = folder / "m.onnx"
    file.write_bytes(in_initializer(tensor({"location": "own.bin"})).SerializeToString())
    first = read_model(file)
    (folder / "own.bin").write_bytes(WEIGHTS[::-1])
    assert read_model(file) != first


def test_data_of_the_wrong_size_is_not_readable(folder: Path) -> None:
    (folder / "own.bin").write_bytes(WEIGHTS[:8])
    assert refusals(folder, in_initializer, ({"location": "own.bin"},))[0] in {"E0402", "E0404"}


def test_many_tensors_may_not_name_one_large_file(folder: Path) -> None:
    """A file with holes costs nothing on disk, and 2 GiB in memory."""
    with (folder / "large.bin").open("wb") as stream:
        stream.truncate(2**30)
    proto = in_initializer(tensor({"location": "large.bin"}))
    for number in range(3):
        proto.graph.initializer.append(tensor({"location": "large.bin"}))
        proto.graph.initializer[-1].name = f"more{number}"
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError) as error:
        read_model(folder / "m.onnx")
    assert error.value.code == "E0406"
