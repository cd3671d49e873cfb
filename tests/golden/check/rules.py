from stanchion import App, Field, Record, Rules, UserRecord, owner, public, rule, signed_in

app = App("Rules")


@app.collection("users")
class User(UserRecord):
    rules = Rules(read=owner("id"))


@app.collection("letters")
class Letter(Record):
    to: str = Field(max_length=254)
    fee: int = Field(default=1, index=True, write=rule("1 == 2"))
    rules = Rules(read="record.to == auth.email", create=signed_in)


@app.collection("walls")
class Wall(Record):
    rules = Rules(read="1 == 1 || record.version == 1", write=public)


@app.collection("vaults")
class Vault(Record):
    rules = Rules(read="record.version == 1 && false")
