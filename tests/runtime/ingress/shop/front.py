"""A shop as it was before there was a graph: routes of many kinds, and some that ask the graphs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from orders import Order, Price
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import dagc

Decide = Callable[[Order], Awaitable[Price]]
Wait = Callable[[str], Awaitable[float]]
HERE = Path(__file__).parent


def make_app(decide: Decide, wait: Wait) -> FastAPI:
    """The shop, which is given the graphs it asks."""
    told: list[str] = []

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        told.append("started")
        first = await decide(Order(sku="first", amount=1))
        yield {"first": first.sku}
        print("shop closed", flush=True)

    app = FastAPI(title="Shop", version="7", lifespan=life)
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_headers=["x-one"])

    @app.middleware("http")
    async def marked(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Says on every answer that it was here."""
        answer = await call_next(request)
        answer.headers["x-shop"] = "open"
        return answer

    _add_plain(app, told)
    _add_streams(app)
    _add_graphs(app, decide, wait)
    _add_mounted(app, decide)
    return app


def _add_plain(app: FastAPI, told: list[str]) -> None:
    @app.get("/")
    async def index() -> HTMLResponse:
        return HTMLResponse("<h1>shop</h1>")

    @app.get("/items/{number}")
    def item(number: int, tag: Annotated[list[str] | None, Query()] = None) -> dict[str, object]:
        return {"number": number, "tags": tag}

    @app.put("/items/{number}", status_code=201)
    async def put(number: int, order: Order) -> dict[str, object]:
        return {"number": number, "order": order}

    @app.delete("/items/{number}", status_code=204)
    async def delete(number: int) -> None:
        return None

    @app.get("/headers")
    async def headers(request: Request, x_one: Annotated[str, Header()] = "") -> dict[str, object]:
        found = [(name, value) for name, value in request.headers.items() if name.startswith("x-")]
        return {"found": found, "one": x_one, "cookies": request.cookies}

    @app.get("/cookies")
    async def cookies(response: Response) -> str:
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return "two"

    @app.get("/scope/{rest:path}")
    async def scope(request: Request, rest: str) -> dict[str, object]:
        return {
            "rest": rest, "path": request.url.path, "query": request.url.query, "method": request.method,
            "scheme": request.url.scheme, "version": request.scope["http_version"],
            "raw": request.scope["raw_path"].decode(), "client": request.client.host if request.client else "",
            "first": request.state.first, "named": str(request.url_for("item", number=3).path),
            "root": request.scope["root_path"],
        }  # fmt: skip

    @app.post("/raw")
    async def raw(request: Request) -> dict[str, object]:
        pieces = [piece async for piece in request.stream()]
        return {"size": sum(map(len, pieces)), "type": request.headers.get("content-type")}

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(410, "no more", headers={"x-why": "sold"})

    @app.get("/elsewhere")
    async def elsewhere() -> RedirectResponse:
        return RedirectResponse("/items/1", 303)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("a fault of the shop")

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(told.append, "later")
        return "soon"

    @app.get("/told")
    async def all_told() -> list[str]:
        return told

    def member(authorization: Annotated[str, Header()] = "") -> str:
        if authorization != "Basic c2hvcDpzaG9w":
            raise HTTPException(401, headers={"www-authenticate": "Basic"})
        return "shop"

    @app.get("/members")
    async def members(name: Annotated[str, Depends(member)]) -> str:
        return name


def _add_streams(app: FastAPI) -> None:
    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            for number in range(20):
                yield f"line {number}\n"
                await asyncio.sleep(0)

        return StreamingResponse(lines(), media_type="text/plain")

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def told() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await asyncio.sleep(0.01)
            yield "data: 2\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * 3_000_000, media_type="application/octet-stream")

    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(HERE / "static" / "page.txt", media_type="text/plain")


def _add_graphs(app: FastAPI, decide: Decide, wait: Wait) -> None:
    @app.post("/checkout")
    async def checkout(order: Order) -> Price:
        return await decide(order)

    @app.post("/handled")
    async def handled(order: Order) -> dict[str, object]:
        try:
            return {"score": (await decide(order)).score}
        except dagc.Refuse as refused:
            return {"refused": refused.reason, "field": refused.field, "status": refused.status}

    @app.post("/many")
    async def many(count: int) -> float:
        made = await asyncio.gather(*(decide(Order(sku=str(n), amount=n + 1)) for n in range(count)))
        return sum(price.score for price in made)

    @app.get("/patient")
    async def patient(word: str) -> float:
        return await wait(word)

    @app.get("/crowd")
    async def crowd(count: int) -> dict[str, int]:
        made = await asyncio.gather(*(wait("while") for _ in range(count)), return_exceptions=True)
        return {
            "answered": sum(isinstance(one, float) for one in made),
            "overloaded": sum(isinstance(one, dagc.Overloaded) for one in made),
        }


def _add_mounted(app: FastAPI, decide: Decide) -> None:
    inner = FastAPI(title="Inner")

    @inner.post("/checkout")
    async def checkout(order: Order) -> Price:
        return await decide(order)

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"hello {request.path_params['name']} of {request.scope['root_path']}")

    app.mount("/inner", inner)
    app.mount("/hello", Starlette(routes=[Route("/{name}", hello)]))
    app.mount("/static", StaticFiles(directory=HERE / "static"))
