"""A tree is sorted, refuses paths that leave it, and its digest tells any two trees apart."""

import pytest

from dagc.artifacts.tree import ArtifactTree
from dagc.diagnostics import CompileError


def test_files_are_sorted_and_cannot_be_changed():
    given = {"b": b"2", "a/c": b"1"}
    tree = ArtifactTree(given)
    given["z"] = b"late"
    assert list(tree.files) == ["a/c", "b"]
    with pytest.raises(TypeError):
        tree.files["x"] = b""  # type: ignore[index]


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", "a/", "a\\b", "a\nb", "a\x00"])
def test_a_path_that_is_not_plainly_inside_is_refused(path):
    with pytest.raises(CompileError, match="E0602"):
        ArtifactTree({path: b""})


def test_a_file_cannot_be_a_folder_too():
    with pytest.raises(CompileError, match="a folder of the path is a file too"):
        ArtifactTree({"a/b/c": b"", "a": b""})


def test_the_digest_depends_on_every_path_and_byte_and_nothing_else():
    trees = [{"a": b"bc"}, {"ab": b"c"}, {"a": b"b", "c": b""}, {"a": b""}, {}, {"a": b"b", "c": b"\x00"}]
    assert len({ArtifactTree(files).digest() for files in trees}) == len(trees)
    assert ArtifactTree({"a": b"1", "b": b"2"}).digest() == ArtifactTree({"b": b"2", "a": b"1"}).digest()


def test_merging_keeps_both_and_refuses_a_difference():
    one, other = ArtifactTree({"a": b"1"}), ArtifactTree({"a": b"1", "b": b"2"})
    assert one.merge(other).files == other.files
    assert list(other.under("x/y").files) == ["x/y/a", "x/y/b"]
    with pytest.raises(CompileError, match="two different files"):
        one.merge(ArtifactTree({"a": b"9"}))
