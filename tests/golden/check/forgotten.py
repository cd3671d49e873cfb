from stanchion import App, Record, Rules, public

app = App("Forgotten")


class Named(Record):
    name: str


@app.collection("books")
class Book(Named):
    rules = Rules(read=public)


class Author(Named):
    rules = Rules(read=public)
