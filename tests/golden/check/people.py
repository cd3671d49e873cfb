from stanchion import App, Rules, SignIn, UserRecord, owner

app = App("Notebook")


@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="open")
    rules = Rules(read=owner("id"))
