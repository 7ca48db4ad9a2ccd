"""Sessions and feeds: packing, free dims, strings, copies, and models that must not start."""

import hashlib
import json

import numpy as np
import pytest

from dagc.runtime.feed import Feed, FeedError, OutOfRange
from dagc.runtime.session import Session
from dagc.runtime.settings import Port, SessionSettings, StartError, load_settings

DOUBLE = [("Add", "x x", "y")]


@pytest.fixture
def opened(kit, tmp_path):
    def make(nodes, feeds, fetches, **initializers):
        folder = tmp_path / "one"
        model = kit.model(nodes, feeds, fetches, **initializers)
        settings = kit.session("s", feeds, fetches)
        return _session(folder, settings, model)

    return make


def _session(folder, settings, model):
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / settings["model"]).write_bytes(model)
    feeds, fetches = (
        tuple(Port(p["name"], p["dtype"], tuple(p["dims"])) for p in settings[side])
        for side in ("feeds", "fetches")
    )
    sha256 = settings.get("sha256") or hashlib.sha256(model).hexdigest()
    session = Session(SessionSettings("s", settings["model"], sha256, feeds, fetches, 64), folder)
    session.open()
    return session


def ask(session, *examples):
    return session.run([session.example(values) for values in examples])


def test_rows_are_stacked_and_split_again(opened):
    session = opened(DOUBLE, {"x": ("f32", (2, 3))}, {"y": ("f32", (2, 3))})
    rows = [np.arange(6, dtype=np.float32).reshape(2, 3) + i for i in range(5)]
    for found, row in zip(ask(session, *[(row,) for row in rows]), rows, strict=True):
        np.testing.assert_array_equal(found, row * 2)
        assert found.base is None


def test_one_number_per_example_is_an_array_without_dims(opened):
    session = opened(DOUBLE, {"x": ("f32", ())}, {"y": ("f32", ())})
    found = ask(session, (1.5,), (np.float32(2),), (np.array(3, np.float32),))
    assert [(value.shape, value.dtype.name, float(value)) for value in found] == [
        ((), "float32", 3.0), ((), "float32", 4.0), ((), "float32", 6.0),
    ]  # fmt: skip


def test_several_outputs_come_as_a_tuple_per_example(opened):
    nodes = [("Add", "a b", "sum"), ("Mul", "a b", "product")]
    session = opened(nodes, {"a": ("f32", ()), "b": ("f32", ())}, {"sum": ("f32", ()), "product": ("f32", ())})
    found = ask(session, (1, 2), (3, 4))
    assert [tuple(map(float, pair)) for pair in found] == [(3, 2), (7, 12)]


def test_results_are_copies_that_later_runs_leave_alone(opened):
    session = opened(DOUBLE, {"x": ("f32", (3,))}, {"y": ("f32", (3,))})
    first = ask(session, (np.ones(3, np.float32),), (np.zeros(3, np.float32),))
    kept = [row.copy() for row in first]
    first[1][:] = 99
    ask(session, *[(np.full(3, 7, np.float32),)] * 8)
    np.testing.assert_array_equal(first[0], kept[0])
    alone = ask(session, (np.ones(3, np.float32),))[0]
    assert alone.base is None


def test_a_few_examples_run_in_buffers_that_stay_and_give_the_same(opened):
    feeds = {"x": ("f32", (2, 3)), "n": ("i64", ())}
    fetches = {"y": ("f32", (2, 3)), "m": ("i64", ())}
    session = opened([("Add", "x x", "y"), ("Add", "n n", "m")], feeds, fetches)
    session.warm()
    assert set(session._bound) == {1, 2, 3, 4}
    rows = [(np.full((2, 3), i, np.float32), i) for i in range(9)]
    alone = [ask(session, row)[0] for row in rows]
    together = ask(session, *rows)
    few = ask(session, *rows[:2]) + ask(session, *rows[2:5]) + ask(session, *rows[5:])
    for (third, _), (first, _) in zip(few, together, strict=True):
        np.testing.assert_array_equal(third, first, strict=True)
    for (first, one), (second, two), (row, n) in zip(alone, together, rows, strict=True):
        np.testing.assert_array_equal(first, row * 2, strict=True)
        np.testing.assert_array_equal(first, second, strict=True)
        assert (one.dtype, one.shape, int(one)) == (two.dtype, two.shape, int(two)) == (np.int64, (), 2 * n)
    with pytest.raises(FeedError, match="feed `x` of session `s`"):
        ask(session, (np.zeros(3, np.float32), 1))


def test_buffers_do_not_stay_where_sizes_are_free_or_texts_flow(opened):
    free = opened(DOUBLE, {"x": ("f32", ("n",))}, {"y": ("f32", ("n",))})
    texts = opened([("Identity", "x", "y")], {"x": ("str", (2,))}, {"y": ("str", (2,))})
    for session in (free, texts):
        session.warm()
        assert not session._bound


def test_requests_share_a_lane_when_they_agree_and_have_equal_shapes(tmp_path):
    feeds = (Port("x", "f32", (None,)), Port("rate", "i64", ()), Port("words", "str", (2,)))
    settings = SessionSettings("s", "s.onnx", "0" * 64, feeds, (), 64, agreed_on=("rate", "words"))
    session = Session(settings, tmp_path)

    def lane(size, rate, *words):
        return session.lane(session.example((np.zeros(size, np.float32), rate, np.array(words, object))))

    assert lane(3, 8000, "a", "b") == lane(3, np.array(8000), "a", "".join(["b"]))
    lanes = [lane(3, 8000, "a", "b"), lane(4, 8000, "a", "b"), lane(3, 16000, "a", "b"), lane(3, 8000, "ab", "")]
    assert len(set(lanes)) == 4


def test_the_argument_of_a_lone_request_is_not_changed(opened):
    session = opened([("Identity", "x", "y")], {"x": ("f32", (3,))}, {"y": ("f32", (3,))})
    row = np.ones(3, np.float32)
    found = ask(session, (row,))[0]
    found[:] = 5
    np.testing.assert_array_equal(row, np.ones(3))


def test_strings_go_in_and_out_as_object_arrays(opened):
    feeds, fetches = {"x": ("str", (2,)), "one": ("str", ())}, {"y": ("str", (2,)), "same": ("str", ())}
    session = opened([("Identity", "x", "y"), ("Identity", "one", "same")], feeds, fetches)
    found = ask(session, (np.array(["a", "ü€"]), "x"), (np.array(["", "d" * 500], object), "yy"))
    assert [row.tolist() for row, _ in found] == [["a", "ü€"], ["", "d" * 500]]
    assert [one.item() for _, one in found] == ["x", "yy"]
    assert found[0][0].dtype == object
    assert found[0][1].shape == ()


def test_free_dims_are_taken_and_only_equal_shapes_share_a_lane(opened):
    session = opened(DOUBLE, {"x": ("f32", ("T", 2))}, {"y": ("f32", ("T", 2))})
    short, long = (session.example((np.zeros((size, 2), np.float32),)) for size in (3, 5))
    assert session.lane(short) != session.lane(long)
    assert session.lane(short) == session.lane(session.example((np.ones((3, 2), np.float32),)))
    with pytest.raises(FeedError, match=r"feed `x` of session `s` is f32\[T, 2\], shape \[3, 4\]"):
        session.example((np.zeros((3, 4), np.float32),))


def feed(dtype, *dims):
    return Feed.of("s", Port("x", dtype, dims))


@pytest.mark.parametrize(
    ("dtype", "dims", "value", "wanted"),
    [
        ("f32", (), 1.5, 1.5), ("f64", (1,), 2, [2.0]), ("i64", (1, 1), 3, [[3]]), ("bool", (), True, True),
        ("str", (1,), "a", ["a"]), ("f16", (), 4, 4.0), ("u8", (), 255, 255), ("f32", ("n",), 1.0, [1.0]),
        ("f32", (2,), np.array([1, 2], ">f4"), [1, 2]), ("f32", (), float("nan"), float("nan")),
        ("f32", (1,), np.float32(1.5), [1.5]), ("i64", (1,), np.int64(3), [3]), ("str", (), np.str_("a"), "a"),
    ],
)  # fmt: skip
def test_a_value_becomes_the_feed_s_array(dtype, dims, value, wanted):
    row = feed(dtype, *dims).row(value)
    np.testing.assert_array_equal(row, np.array(wanted, row.dtype))
    assert row.dtype == feed(dtype, *dims).sample().dtype


@pytest.mark.parametrize(
    ("dtype", "dims", "value"),
    [
        ("i64", (), 1.5), ("f32", (), True), ("f32", (), "1"), ("str", (), 1), ("f32", (2,), 1.0),
        ("f32", (), None),
        ("f32", (2,), np.zeros(2)), ("f32", (2,), np.zeros(3, np.float32)), ("f32", (2,), [1.0, 2.0]),
        ("bool", (), 1), ("i64", (2,), np.zeros(2, np.int32)), ("f32", (1,), np.zeros((), np.float32)),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_an_error_that_names_session_and_feed(dtype, dims, value):
    with pytest.raises(FeedError, match="feed `x` of session `s`"):
        feed(dtype, *dims).row(value)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("f32", 1e39), ("f32", 10**39), ("f64", 10**400), ("f16", 1e5), ("i64", 2**63), ("u8", 256), ("u8", -1),
        ("i32", 2**31), ("i8", -129),
    ],
)  # fmt: skip
def test_a_python_number_too_large_for_the_feed_is_out_of_range(dtype, value):
    with pytest.raises(OutOfRange):
        feed(dtype).row(value)


def test_the_wrong_number_of_values_is_said(opened):
    session = opened(DOUBLE, {"x": ("f32", ())}, {"y": ("f32", ())})
    with pytest.raises(FeedError, match="takes 1 values, 2 were given"):
        session.example((1.0, 2.0))


def test_a_model_that_does_not_answer_per_example_fails_and_never_mixes_rows(kit, tmp_path):
    model = kit.model([("Slice", "x from to", "y")], {"x": ("f32", ())}, {"y": ("f32", ())},
                      **{"from": ("i64", [1], [0]), "to": ("i64", [1], [3])})  # fmt: skip
    session = _session(tmp_path, kit.session("s", {"x": ("f32", ())}, {"y": ("f32", ())}), model)
    with pytest.raises(RuntimeError, match="was given 5 examples and returned shape"):
        ask(session, *[(float(i),) for i in range(5)])


def test_warming_up_on_what_a_model_refuses_stops_nothing(kit, tmp_path):
    feeds, fetches = {"x": ("i64", ())}, {"y": ("f32", ())}
    model = kit.model([("Sub", "x one", "at"), ("Gather", "table at", "y")], feeds, fetches,
                      one=("i64", [1], [10]), table=("f32", [3], [1, 2, 3]))  # fmt: skip
    _session(tmp_path, kit.session("s", feeds, fetches), model).warm()


def starts(kit, tmp_path, change):
    feeds, fetches = {"x": ("f32", ())}, {"y": ("f32", ())}
    model, settings = kit.model(DOUBLE, feeds, fetches), kit.session("s", feeds, fetches)
    return _session(tmp_path, settings | change, model)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sha256": "0" * 64}, "model_changed"),
        ({"feeds": [{"name": "z", "dtype": "f32", "dims": []}]}, "model_ports"),
        ({"fetches": [{"name": "z", "dtype": "f32", "dims": []}]}, "model_ports"),
        ({"feeds": [{"name": "x", "dtype": "c64", "dims": []}]}, "settings_broken"),
    ],
)
def test_a_model_that_is_not_what_the_settings_say_stops_the_start(kit, tmp_path, change, code):
    with pytest.raises(StartError) as caught:
        starts(kit, tmp_path, change)
    assert caught.value.code == code


def test_a_missing_and_a_corrupt_model_stop_the_start(kit, tmp_path):
    settings = kit.session("s", {"x": ("f32", ())}, {"y": ("f32", ())})
    with pytest.raises(StartError) as caught:
        _session(tmp_path, settings, b"\x08\x09garbage")
    assert caught.value.code == "model_broken"
    session = _session(tmp_path, settings, kit.model(DOUBLE, {"x": ("f32", ())}, {"y": ("f32", ())}))
    (tmp_path / settings["model"]).unlink()
    with pytest.raises(StartError) as caught:
        session.open()
    assert caught.value.code == "model_missing"


@pytest.mark.parametrize("threads", ["0", "x", "-1", ""])
def test_a_bad_number_of_threads_stops_the_start(kit, tmp_path, monkeypatch, threads):
    monkeypatch.setenv("DAGC_THREADS", threads)
    with pytest.raises(StartError) as caught:
        starts(kit, tmp_path, {})
    assert caught.value.code == "threads"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", json.dumps({"service": "x", "dagc_version": "1"}).encode()])
def test_broken_settings_stop_the_start(tmp_path, text):
    (tmp_path / "service.json").write_bytes(text)
    with pytest.raises(StartError) as caught:
        load_settings(tmp_path / "service.json")
    assert caught.value.code == "settings_broken"
    with pytest.raises(StartError) as caught:
        load_settings(tmp_path / "other.json")
    assert caught.value.code == "settings_missing"
