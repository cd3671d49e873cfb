"""Routes that say who may call them, and routes that do not."""

from fastapi import APIRouter, Depends

from stanchion import App, CurrentUser, OptionalUser, UserRecord, public, requires, role

app = App("Routes")


@app.collection("users")
class User(UserRecord):
    role: str = ""


@app.post("/checkout")
async def checkout() -> None: ...


@app.get("/menu")
async def menu(user: OptionalUser) -> None: ...


@app.get("/me")
async def me(user: CurrentUser) -> None: ...


def table(number: int = 0) -> int:
    return number


router = APIRouter(prefix="/kitchen", dependencies=[requires(role("cook"))])


@router.get("/oven")
async def oven(at: int = Depends(table)) -> None: ...


@app.websocket("/live")
async def live(number: int = Depends(table)) -> None: ...


@app.get("/hours", dependencies=[requires(public)])
async def hours() -> None: ...


app.include_router(router)
