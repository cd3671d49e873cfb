"""The app of the drill of jobs: each has one effect under its id, and notes each of its tries."""

import asyncio

from stanchion import App, Field, Job, Record, Settings


def make_app(settings: Settings | None = None) -> App:
    app = App("Queue drill", settings=settings)

    @app.collection("payments")
    class Payment(Record):
        """The effect: one for each job, under its id."""

        number: int = Field(index=True)

    @app.collection("tries")
    class Try(Record):
        """What happens in each try, as an effect without a key does."""

        number: int

    @app.job(retries=1000)
    async def pay(number: int, seconds: float, job: Job) -> None:
        await asyncio.sleep(seconds)
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(Try(number=number))
            if await tx.get(Payment, job.id) is None:
                await tx.create(Payment(id=job.id, number=number))
        await asyncio.sleep(seconds)  # here its effect is there, and its end is not

    app.state.pay = pay
    return app


app = make_app()
