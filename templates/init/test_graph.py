"""The graph is ordinary Python: called here, it runs as it reads, without a server."""

import pytest
from pydantic import ValidationError

from graph import Parcel, on_time


def test_express_is_likelier_to_be_on_time() -> None:
    plain = on_time(Parcel(distance_km=300, weight_kg=2))
    express = on_time(Parcel(distance_km=300, weight_kg=2, express=True))
    assert not plain.on_time
    assert express.on_time
    assert express.chance > plain.chance


def test_a_parcel_without_weight_is_refused() -> None:
    with pytest.raises(ValidationError):
        Parcel(distance_km=300, weight_kg=0)
