from stanchion import App, Field, Record, Ref, Rules, UserRecord, owner, public

app = App("Well")


@app.collection("users")
class User(UserRecord):
    rules = Rules(read=owner("id"))


@app.collection("books")
class Book(Record):
    title: str = Field(max_length=100, index=True)
    blurb: str = ""
    rules = Rules(read=public)


@app.collection("orders")
class Order(Record):
    customer: Ref[User]
    placed_on: str = Field(default="", max_length=20)
    rules = Rules(read=owner("customer"), create=owner("customer"))
