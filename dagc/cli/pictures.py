"""What commands print for people: the plan of a service, the proof of a build, and what was written."""

import json
from collections.abc import Iterator
from pathlib import Path

from dagc.backends.picture import picture
from dagc.cli.outcome import counted
from dagc.compile import Compilation, Planned
from dagc.evaluate.verdict import Equivalence
from dagc.frontend import ENVIRONMENTS_NAME
from dagc.plan.crossing_size import crossing
from dagc.plan.prediction import CALL_MS, total_ms
from dagc.plan.service_plan import CostPart, Endpoint, Remote, Service, Session


def plan_text(planned: Planned) -> str:
    """Each service with its endpoints, sessions and what was fused or left apart, and why."""
    lines = [line for service in planned.plan.services for line in _service(service)]
    if planned.environment is not None:
        lines.insert(0, f"numbers are those of profile `{planned.environment}` in {ENVIRONMENTS_NAME}")
    done, left = _remarks(planned, applied=True), _remarks(planned, applied=False)
    lines += ["", "fusion"]
    lines += [f"  + {message}" for message in done] + [f"  - {message}" for message in left]
    if not done and not left:
        lines.append("  nothing to fuse: there are no two models beside each other")
    return "\n".join(lines) + "\n"


def build_text(compilation: Compilation, target: Path) -> str:
    """A line for each thing a build did: fused, proved, wrote."""
    lines = _remarks(compilation.planned, applied=True)
    lines += [f"proved  {proof_line(proof)}" for proof in compilation.proofs]
    files = len(compilation.tree.files)
    lines.append(f"wrote   {target}: {files} files, sha256 {compilation.tree.digest()[:16]}")
    return "\n".join(lines) + "\n"


def build_json(compilation: Compilation, target: Path) -> str:
    """The same for programs."""
    document = {
        "out": str(target),
        "sha256": compilation.tree.digest(),
        "files": sorted(compilation.tree.files),
        "proofs": [
            proof.model_dump(mode="json", include={"graph", "verdict", "cases"}) for proof in compilation.proofs
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def proof_line(proof: Equivalence) -> str:
    """`tabular: equal in 1067 cases (1003 with stored answers), differences at most 1e-06`."""
    worst = max((compared.at_most for compared in (*proof.outputs, *proof.stored_outputs)), default=0.0)
    stored = f" ({proof.stored} with stored answers)" if proof.stored else ""
    refused = f", of which {proof.refused} raised in both forms" if proof.refused else ""
    cases = counted(proof.cases, "case")
    return f"{proof.graph}: {proof.verdict} in {cases}{stored}{refused}, differences at most {worst:g}"


def proof_text(proof: Equivalence) -> str:
    """The proof as a short report: every compared place, the batches, and the tolerances with their reasons."""
    lines = [proof_line(proof)]
    lines += [f"  fused = unfused   {c.path:<24} {c.values:>6} values  {_apart(c.at_most)}" for c in proof.outputs]
    lines += [
        f"  fused = stored    {c.path:<24} {c.values:>6} values  {_apart(c.at_most)}" for c in proof.stored_outputs
    ]
    for batch in proof.batches:
        verdict = batch.one_by_one or f"{batch.rows} rows together equal one by one, <= {batch.at_most:g}"
        lines.append(f"  batch {batch.node}: {verdict}")
    straddling = proof.sensitivity.straddling
    lines.append(
        f"  {len(straddling)} of {proof.sensitivity.examined} examined cases straddle a decision boundary"
    )
    lines += [f"  tolerance {t.applies_to}: {t.reason}" for t in proof.tolerances]
    return "\n".join(lines) + "\n"


def prediction_line(endpoint: Endpoint) -> str:
    """`predicted p50 0.31 ms, one request at a time: front 0.2, ..., JSON out 0.02; estimated`."""
    parts = ", ".join(map(_cost, endpoint.predicted))
    sources = {part.source for part in endpoint.predicted}
    unknown = " at least" if "unknown" in sources else ""
    how = "measured by `dagc profile`" if sources == {"measured"} else "~ is an estimate: `dagc profile` measures"
    return f"predicted p50{unknown} {total_ms(endpoint.predicted):.3g} ms, one request at a time: {parts} ({how})"


def inference_line(endpoint: Endpoint) -> str:
    """Whether the Open Inference Protocol has a form for an endpoint, or why not."""
    form = endpoint.inference
    if isinstance(form, str):
        return f"not in the Open Inference Protocol: {form}"
    inputs, outputs = (", ".join(tensor.name for tensor in side) for side in (form.inputs, form.outputs))
    return f"in the Open Inference Protocol: model {endpoint.name}, {inputs} -> {outputs}"


def _cost(part: CostPart) -> str:
    sign = "~" if part.source == "estimated" else ""
    return f"{part.part} {sign}{part.ms:.3g}" if part.ms is not None else f"{part.part} ?"


def _apart(at_most: float) -> str:
    return f"<= {at_most:g}" if at_most else "equal"


def _service(service: Service) -> Iterator[str]:
    yield f"service {service.name}"
    for endpoint in service.endpoints:
        yield f"  POST {endpoint.route}  version {endpoint.version}, deadline {endpoint.limits.deadline_s:g} s"
        yield from (f"    {line}" for line in picture(endpoint, service))
        yield f"    {prediction_line(endpoint)}"
        yield f"    {inference_line(endpoint)}"
    for part in service.parts:
        yield f"  POST {part.route}  for the graph's own service, deadline {part.limits.deadline_s:g} s"
    for session in service.sessions:
        yield from _session(session)
    for resource in service.resources:
        default = f"else `{resource.default}`" if resource.default else "which has to be set"
        yield f"  {resource.kind} {resource.name}: {resource.setting}, {default}  ({', '.join(resource.lines)})"
    for remote in service.remotes:
        yield from _cut(remote)


def _cut(remote: Remote) -> Iterator[str]:
    """A cut, what it costs, and what happens where the connection fails."""
    yield f"  cut at {remote.service}: {' + '.join(remote.parts)}  ({', '.join(remote.lines)})"
    there, back = (" + ".join(map(crossing, types)) or "nothing" for types in (remote.takes, remote.gives))
    again = "tried once more when a connection fails" if remote.may_repeat else "never tried twice, for its steps"
    yield f"    sends {there}, gets {back}; ~{CALL_MS:g} ms a call; {again}"
    if remote.items > 1:
        yield f"    asked for each item of a list, at most {remote.items} a request: they travel together"


def _remarks(planned: Planned, *, applied: bool) -> list[str]:
    """What the passes did, or did not and why; what is true of several graphs is said once."""
    found = (r.message for after in planned.optimised for r in after.remarks if r.applied is applied)
    return list(dict.fromkeys(found))


def _session(session: Session) -> Iterator[str]:
    made_of = f" = {' + '.join(session.parts)}" if session.parts != (session.name,) else ""
    yield f"  session {session.name}{made_of}  ({', '.join(session.lines)})"
    if session.one_by_one:
        yield f"    one request at a time: {session.one_by_one}"
    else:
        wait = f", the first waits up to {session.max_wait_ms:g} ms for others" if session.max_wait_ms else ""
        agreed = ", ".join(f"`{name}`" for name in session.agreed_on)
        agreeing = f" if they agree on {agreed}" if agreed else ""
        yield f"    up to {session.max_batch} requests share a run{agreeing}{wait}: every operator is row-wise"
    if session.reload:
        yield f"    while the service runs, `{session.reload}` in DAGC_MODELS_DIR takes its place"
