"""compose.yaml of several services: networks along the edges, limits as asked for, settings by reference."""

import pytest
import yaml

from dagc.artifacts.compose import NO_ADDRESS, read_compose
from dagc.backends.compose import compose
from dagc.plan.outside import Capacity, Setting

KEY = Setting(name="RISK_KEY", meaning="the key of the risk service")
DATABASE = Setting(name="PROFILES_DATABASE_URL", meaning="where profiles are", default="sqlite:///profiles.db")
ADDRESS = Setting(name="RISK_URL", meaning="the risk service", secret=False)
LANGUAGE = Setting(name="LANGUAGE", meaning="of answers", secret=False, default="en")
ODD = Setting(name="GREETING", meaning="${x}", secret=False, default="}$(id)`{{")


@pytest.fixture
def cut(plan):
    """A front that waits for the world and calls two services, one of which calls the third."""
    whole = plan.services[0]
    alone = whole.model_copy(update={"endpoints": whole.endpoints[1:], "guards": ()})
    capacity = Capacity(cpu=2, memory_mib=700, gpu=1, replicas=(3, 8))
    services = (
        whole.model_copy(update={"calls": ("encoder", "ranker"), "settings": (KEY, DATABASE, ADDRESS, LANGUAGE)}),
        alone.model_copy(update={"name": "encoder", "calls": ("ranker",), "capacity": capacity}),
        alone.model_copy(update={"name": "ranker", "settings": (ODD,)}),
    )
    return plan.model_copy(update={"services": services})


@pytest.fixture
def made(cut, models):
    return compose(cut, models, {service.name: "0" * 64 for service in cut.services})


def test_the_file_of_several_services_is_the_one_a_reviewer_saw(made, golden):
    golden("compose_of_three.yaml", made.content().decode())


def test_the_members_of_a_network_are_the_ends_of_one_edge(made):
    members = {}
    for name, service in made.services.items():
        for network in service.networks:
            members.setdefault(network, set()).add(name)
    assert members == {
        "graph": {"graph"},
        "graph_to_encoder": {"graph", "encoder"},
        "graph_to_ranker": {"graph", "ranker"},
        "encoder_to_ranker": {"encoder", "ranker"},
    }
    assert members.keys() == made.networks.keys()


def test_only_the_front_has_a_port_and_only_who_asks_the_world_a_way_out(made):
    assert [name for name, service in made.services.items() if service.ports] == ["graph"]
    assert {name for name, network in made.networks.items() if network.way_out} == {"graph"}
    edges = [network for name, network in made.networks.items() if "_to_" in name]
    assert all(edge.internal and edge.driver_opts[NO_ADDRESS] == "true" for edge in edges)


def test_callers_wait_for_their_callees_and_know_where_they_are(made):
    assert made.services["graph"].depends_on.keys() == {"encoder", "ranker"}
    environment = made.services["graph"].environment
    assert environment["DAGC_SERVICE_RANKER"] == "http://ranker:8000"
    replicas = [f"http://${{COMPOSE_PROJECT_NAME}}-encoder-{number}:8000" for number in (1, 2, 3)]
    assert environment["DAGC_SERVICE_ENCODER"] == ",".join(replicas)
    assert not made.services["ranker"].depends_on


def test_a_service_is_as_large_and_as_many_as_asked_for(made):
    encoder = made.services["encoder"]
    assert (encoder.cpus, encoder.mem_limit, encoder.replicas, encoder.gpus) == (2.0, "700m", 3, 1)
    assert made.services["graph"].deploy is None


def test_settings_are_references_and_secrets_are_files(made):
    front = made.services["graph"]
    assert front.secrets == ("RISK_KEY", "PROFILES_DATABASE_URL")
    assert not set(front.secrets) & front.environment.keys()
    assert front.environment["RISK_URL"] == "${RISK_URL:?is needed, the risk service}"
    assert front.environment["LANGUAGE"] == "${LANGUAGE:-en}"
    assert made.secrets["RISK_KEY"].file.startswith("${RISK_KEY_FILE:?")
    assert made.secrets["PROFILES_DATABASE_URL"].file == "${PROFILES_DATABASE_URL_FILE:-/dev/null}"


def test_text_that_compose_would_read_as_more_than_text_is_left_out(made):
    assert made.services["ranker"].environment["GREETING"] is None
    assert "$(id)" not in made.content().decode()


def test_the_file_reads_back(made, tmp_path):
    (tmp_path / "compose.yaml").write_bytes(made.content())
    assert read_compose(tmp_path / "compose.yaml") == made
    assert "deploy" not in yaml.safe_load(made.content())["services"]["graph"]
