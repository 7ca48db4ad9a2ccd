"""MLServer: a custom runtime with a custom REST route for the workload's own JSON, beside its inference protocol.

In-process (`parallel_workers` 0): its worker pool was slower for models this small.
"""

from fastapi import HTTPException
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.handlers import custom_handler
from mlserver.types import InferenceRequest, InferenceResponse
from workload import LOOKS_UP, as_rows, first_answer, scores, store


class Predict(MLModel):
    async def load(self) -> bool:
        self._models = scores()
        self._store = store()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype("float32").reshape(-1, 30)
        label, proba = self._models(rows)
        outputs = [NumpyCodec.encode_output("label", label), NumpyCodec.encode_output("proba", proba)]
        return InferenceResponse(model_name=self.name, outputs=outputs)

    @custom_handler(rest_path="/predict")
    async def answer(self, request: dict) -> dict:
        if not LOOKS_UP:
            return first_answer(self._models(as_rows(request["features"])))
        rows = self._store.of(request["user_id"])
        if rows is None:
            raise HTTPException(404, "unknown user")
        return first_answer(self._models(rows))
