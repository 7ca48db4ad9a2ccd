"""LitServe: its own decode, predict, encode; two inference workers and two HTTP processes; no request tracking."""

import litserve
from fastapi import HTTPException
from workload import LOOKS_UP, PORT, WORKERS, as_rows, first_answer, scores, store


class Predict(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._models = scores()
        self._store = store()

    def decode_request(self, request: dict):
        if not LOOKS_UP:
            return as_rows(request["features"])
        rows = self._store.of(request["user_id"])
        if rows is None:
            raise HTTPException(404, "unknown user")
        return rows

    def predict(self, rows):
        return self._models(rows)

    def encode_response(self, found) -> dict[str, object]:
        return first_answer(found)


if __name__ == "__main__":
    server = litserve.LitServer(Predict(), accelerator="cpu", workers_per_device=WORKERS, track_requests=False)
    server.run(
        host="127.0.0.1",
        port=PORT,
        num_api_servers=WORKERS,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )
