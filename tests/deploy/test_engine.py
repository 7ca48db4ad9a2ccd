"""What is said when an engine refuses, by its own words; the words are those of real engines."""

import pytest

from dagc.deploy.refusals import refused

WORDS = [
    ("write /srv/packages/numpy/x.so: no space left on device", "E0713"),
    ("Error processing tar file(exit status 1): write /a: no space left on device", "E0713"),
    (
        "driver failed programming external connectivity on endpoint door (1f): Bind for 127.0.0.1:8000 failed: "
        "port is already allocated",
        "E0701",
    ),
    (
        "Error starting userland proxy: listen tcp4 127.0.0.1:8000: bind: address already in use",
        "E0701",
    ),
    ('Conflict. The container name "/dagc-rate-rate-2" is already in use by container "1f"', "E0722"),
    ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "E0721"),
]


@pytest.mark.parametrize(("words", "code"), WORDS)
def test_the_engines_words_become_a_code_and_stay_readable(words: str, code: str) -> None:
    found = refused("start it", words)
    assert found.code == code
    assert found.notes == (words,)


def test_what_an_engine_says_cannot_draw_on_a_terminal() -> None:
    found = refused("start it", "bad\x1b[31m\nthing" + "x" * 1000)
    assert found.notes[0].startswith("bad[31m thing") and len(found.notes[0]) == 300
