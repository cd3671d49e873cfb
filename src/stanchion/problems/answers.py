"""The codes of whole answers: `code` of the problem document."""

from __future__ import annotations

from ..errors import (
    HOW_TO_SIGN_IN,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RequestTimeout,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from .entry import Entry, Family, answer
from .explain import EXPLAIN
from .server import SERVER
from .sign_in import SIGN_IN

ID = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"

ACCESS = Family(
    "access", "Who may do what", "The request is understood; its caller may not do it.",
    (
        answer(
            Unauthorized, "access.sign_in", "Signing in is needed",
            meaning="The rule of this collection lets nobody in who is not signed in, and the "
            "request carried no credentials.",
            way_out="Sign in and send the token as `Authorization: Bearer …`, or the cookie. Where "
            "the hint says that no rule opens it, the app has to declare one.",
            detail="The rule orders.read lets nobody in who is not signed in.",
            hint=HOW_TO_SIGN_IN, rule="orders.read",
        ),
        answer(
            Forbidden, "access.refused", "The rule does not hold",
            meaning="The caller is known, and the rule for this operation does not hold: either it "
            "can never be true for this caller, or not for this record. In an update it must hold "
            "for the record as it was and as it would become.",
            way_out="Ask as somebody whom the rule admits. `rule` names the collection and the "
            "operation whose rule refused.",
            detail="The rule orders.update does not hold for this record.", rule="orders.update",
        ),
        answer(
            Forbidden, "access.field_refused", "This field may not be set",
            meaning="The record may be changed by this caller, but one of the fields in the body "
            "has a write rule of its own, which does not hold.",
            way_out="Leave the field out, or ask as somebody who may set it.",
            detail="This caller may not set `state` of this record.", pointer="/state",
        ),
    ),
)  # fmt: skip

RECORD = Family(
    "record", "Records and conflicts", "The request is right; what is stored says no.",
    (
        answer(
            NotFound, "record.not_found", "No such record",
            meaning="The collection holds no record with this key, or none that this caller may "
            "read: the two look alike on purpose.",
            way_out="Check the id. If the record exists, sign in as somebody who may read it.",
            detail=f"pizzas holds no record '{ID}'.",
        ),
        answer(
            Conflict, "record.conflict", "What is stored forbids it",
            meaning="The body is right by itself, but it clashes with stored data: a value that "
            "must be unique is taken, or a reference leads to no record. Every conflict is listed "
            "in `errors` with a pointer; nothing was changed.",
            way_out="Change the values that `errors` point at, and send the request again.",
            detail="Another record already has this `code`.", pointer="/code",
        ),
        answer(
            PreconditionFailed, "record.stale", "The record has changed",
            meaning="`If-Match` names another version than the stored one: somebody changed the "
            "record since it was read. Nothing was changed by this request.",
            way_out="Read the record again, look at what is different, and repeat the change with "
            "the new `ETag`.",
            detail="The record has version 7 now.",
        ),
        answer(
            PreconditionFailed, "record.exists", "The record is there already",
            meaning="`If-None-Match: *` asks for a record that is not there yet, and this one is. "
            "Nothing was changed by this request.",
            way_out="Use another id to create a record, or `If-Match` to change this one.",
            detail="The record is there, at version 7, and `If-None-Match` excludes that.",
            hint="Use another id to create one, or `If-Match` to change this one.",
        ),
        answer(
            Conflict, "delete.restricted", "Other records refer to it",
            meaning="Records of another collection refer to this one, and that reference forbids "
            "that it is deleted. Nothing was deleted.",
            way_out="Delete or change the records that refer to it first.",
            detail="Records of order_lines refer to this one by `pizza`.",
            hint="Delete or change those order_lines first.",
        ),
        answer(
            TooLarge, "delete.too_many", "Too much hangs on it",
            meaning="Deleting this record would delete or change more dependent records than one "
            "request may. Nothing was deleted.",
            way_out="Delete the dependent records in parts first.",
            detail="More than 1000 records hang on this one.",
        ),
        answer(
            Conflict, "update.too_many", "Too many records meet the condition",
            meaning="Server code changed records by a condition that more records meet than one "
            "step may change. Nothing was changed.",
            way_out="Narrow the condition, and repeat the step until nothing is left.",
            detail="More than 1000 records meet the condition.",
            hint="Narrow the condition, and repeat until nothing is left.",
        ),
    ),
)  # fmt: skip

BODY = Family(
    "body", "The body of a request",
    "Bodies are strict JSON in UTF-8, so that every reader understands them alike.",
    (
        answer(
            Invalid, "body.invalid", "The body breaks the model",
            meaning="The body is JSON, and one or more of its values do not fit: a field is "
            "missing, unknown, of the wrong type or out of its limits. All mistakes are listed "
            "together in `errors`, each with a JSON pointer; nothing was changed.",
            way_out="Mend what `errors` point at. The codes in there are explained below.",
            detail="`name` is required.", pointer="/name",
        ),
        answer(
            BadRequest, "body.syntax", "The body is not JSON",
            meaning="The text could not be read as JSON; the detail says where it stopped.",
            way_out="Send valid JSON: double quotes, no comments, no comma before a closing "
            "bracket.",
            detail="The body is not JSON: Expecting ',' delimiter (line 3, column 5).",
        ),
        answer(
            BadRequest, "body.empty", "There is no body",
            meaning="This call needs a body, and the request had none, or an array without items.",
            way_out="Send a JSON object, or for a create an array of them.",
            detail="The body is empty.", hint='Send a JSON object: {"name": "…"}',
        ),
        answer(
            BadRequest, "body.encoding", "The body is not plain UTF-8",
            meaning="The bytes are no UTF-8 (perhaps UTF-16 or Latin-1), or start with a byte "
            "order mark.",
            way_out="Encode the body as UTF-8 without a byte order mark.",
            detail="The body is not UTF-8 (byte 12).", hint="Send JSON as UTF-8.",
        ),
        answer(
            BadRequest, "body.duplicate_key", "A key stands twice in an object",
            meaning="JSON readers disagree on which of the two values counts, so such a body is "
            "refused.",
            way_out="Send each key once.",
            detail="The key 'name' stands twice.",
        ),
        answer(
            BadRequest, "body.number", "A number that JSON readers cannot hold",
            meaning="A number has more than 400 digits, is too large for a double, or is NaN or an "
            "infinity, which JSON does not have.",
            way_out="Send finite numbers of sensible size; very long ones as strings.",
            detail="NaN is no JSON number.",
        ),
        answer(
            BadRequest, "body.nul", "A text holds the NUL character",
            meaning="Databases and many programs end a text at NUL, so it cannot be stored.",
            way_out="Remove U+0000 from the text.",
            detail="A text holds the NUL character.",
        ),
        answer(
            BadRequest, "body.surrogate", "A text holds half a character",
            meaning="An escape such as \\ud83d stands without its other half; that is no Unicode "
            "text.",
            way_out="Send both halves of the pair, or the character itself.",
            detail="A text holds half of a surrogate pair.",
        ),
        answer(
            BadRequest, "body.depth", "The body nests too deep",
            meaning="Arrays and objects stand inside each other deeper than this server reads.",
            way_out="Send flatter data. The limit is STANCHION_JSON_DEPTH.",
            detail="The body nests deeper than 64 levels.",
        ),
        answer(
            BadRequest, "body.incomplete", "The body ended too early",
            meaning="The connection was closed before the whole body had arrived.",
            way_out="Send the request again.",
            detail="The body ended too early.",
        ),
        answer(
            TooLarge, "body.too_large", "The body is too large",
            meaning="The body has more bytes than this server accepts; it was not read.",
            way_out="Send less at once. The limit is STANCHION_BODY_LIMIT.",
            detail="The body is larger than 1048576 bytes.",
            hint="Send less at once; the limit is STANCHION_BODY_LIMIT.",
        ),
        answer(
            RequestTimeout, "body.timeout", "The body did not arrive",
            meaning="The headers announced a body, and not all of it came within the time that "
            "this server gives it. Nothing was stored, and the connection was closed.",
            way_out="Send the body at once. The limit is STANCHION_BODY_TIMEOUT_S.",
            detail="The body did not arrive within 30 s.",
            hint="Send it at once, on a faster connection or in smaller parts; the limit is "
            "STANCHION_BODY_TIMEOUT_S.",
        ),
        answer(
            TooLarge, "body.too_many", "Too many records in one array",
            meaning="One create takes a limited number of records. Nothing was stored.",
            way_out="Send the records in several requests. The limit is STANCHION_ARRAY_LIMIT.",
            detail="The array holds 1500 records; 1000 at most.", hint="Send it in parts.",
        ),
        answer(
            BadRequest, "idempotency.key", "The `Idempotency-Key` cannot be used",
            meaning="The header stands twice, is empty, longer than 255 characters or not "
            "printable ASCII; or it is no UUID although the caller is not signed in.",
            way_out="Send a new UUID for each new request, and the same one to repeat it.",
            detail="An `Idempotency-Key` has 1 to 255 printable ASCII characters.",
        ),
        answer(
            Invalid, "idempotency.reused", "The `Idempotency-Key` was used for something else",
            meaning="A request with this key was answered before, and its body was another one. "
            "Nothing was changed by this request.",
            way_out="Make a new key for each new request; send the same body to repeat one.",
            detail="This `Idempotency-Key` was used for this route before, with another body.",
        ),
        answer(
            Conflict, "idempotency.running", "The `Idempotency-Key` is in use",
            meaning="Another request with this key is running at this moment. Nothing was changed "
            "by this one.",
            way_out="Wait for the answer of the other one, then repeat the request.",
            detail="A request with this `Idempotency-Key` is running at this moment.",
        ),
        answer(
            UnsupportedMediaType, "body.type", "The content type is not taken here",
            meaning="The `Content-Type` of the body is missing, or none that this call takes.",
            way_out="Send `Content-Type: application/json`; a PATCH may also be "
            "`application/merge-patch+json`.",
            detail="The body is text/plain; this call takes application/json.",
            hint="With curl: curl --json '{…}' URL",
        ),
    ),
)  # fmt: skip

QUERY = Family(
    "query", "Query parameters",
    "What cannot be understood is refused, never ignored: a misspelt parameter would show the "
    "wrong records.",
    (
        answer(
            BadRequest, "query.unknown_parameter", "No such parameter",
            meaning="This call has no parameter of this name. A field is not a parameter: "
            "conditions stand in `filter`.",
            way_out="Correct the name, or write the condition as a filter; the hint shows how.",
            detail="`category` is no parameter.",
            hint='To filter: filter=category == "veggie"',
        ),
        answer(
            BadRequest, "query.unknown_field", "No such field",
            meaning="A parameter names a field that the collection does not have, or that this "
            "caller may not read: the two look alike on purpose.",
            way_out="Correct the name; the hint lists what there is.",
            detail="`sort` names `titel`, which is no field of posts.",
            hint="Did you mean 'title'?",
        ),
        answer(
            BadRequest, "query.unencoded", "`&&` split the query string",
            meaning="In a URL `&` ends a parameter, so an unencoded `&&` cuts a filter in two.",
            way_out="Write `and` instead of `&&`, or encode it as %26%26.",
            detail="`&&` in the query string ends the parameter it stands in.",
            hint="Write `and` instead of `&&`, or encode it as %26%26.",
        ),
        answer(
            BadRequest, "query.encoding", "The query string is not UTF-8",
            meaning="The percent-encoded bytes of a parameter are no UTF-8.",
            way_out="Encode parameters as UTF-8 before they are percent-encoded.",
            detail="The query string is not UTF-8 under its percent-encoding.",
        ),
        answer(
            BadRequest, "query.limit", "`limit` cannot be used",
            meaning="`limit` is a whole number from 1 to 1000, given once. It is never clamped.",
            way_out="Ask for at most 1000 records, and read on with `after` and the `next` of each "
            "page. Groups have no pages: sort them so that those that matter come first.",
            detail="`limit` is a whole number from 1 to 1000.",
            hint="Read on with `after` and the `next` of each page.",
        ),
        answer(
            BadRequest, "query.too_much", "The answer would be too large",
            meaning="What is asked for comes to more bytes than an answer may have "
            "(STANCHION_ANSWER_LIMIT, 16 MiB). Lists with `expand` grow quickly: each of 1,000 "
            "records may bring 100 of another collection.",
            way_out="Ask for less at once: a smaller `limit`, fewer `fields`, less `expand`; read "
            "on with `after`.",
            detail="The answer would be 33554432 bytes; 16777216 at most.",
            hint="Ask for less at once: a smaller `limit`, fewer `fields`, less `expand`.",
        ),
        answer(
            BadRequest, "query.after", "`after` cannot be used",
            meaning="`after` takes one cursor: the `next` of the page before.",
            way_out="Give it once.",
            detail="`after` is given 2 times.",
            hint="Only `filter` may be repeated; its parts are joined with and.",
        ),
        answer(
            BadRequest, "query.cursor", "The cursor does not belong to this list",
            meaning="`after` is no cursor of this API, or it was made for another list: a cursor "
            "belongs to its collection, filter, `q`, sort and schema.",
            way_out="Use the `next` of the page before unchanged, with the same parameters; or "
            "start again without `after`.",
            detail="`after` belongs to another list: filter, q and sort must stay the same.",
            hint="Start again without `after`.",
        ),
        answer(
            BadRequest, "query.sort", "`sort` cannot be used",
            meaning="`sort` is a list of fields with commas between them, each once, a minus "
            "before those that descend. Lists and JSON have no order.",
            way_out="Sort by plain fields: sort=-price,name.",
            detail="`tags` is a list, which has no order.",
        ),
        answer(
            BadRequest, "query.q", "`q` cannot be used",
            meaning="`q` searches texts that were declared for it, by whole words or their "
            "beginnings of at least two letters or digits, sixteen words at most.",
            way_out="Search for longer words; use `filter` where no text is searchable.",
            detail="Each word of `q` needs at least two letters or digits.",
        ),
        answer(
            BadRequest, "query.expand", "`expand` cannot be used",
            meaning="`expand` is a list of relations with commas between them. Plain fields hold "
            "no record; depth and number are limited, and at most 2 to-many relations stand in "
            "each other.",
            way_out="Name relations only: expand=pizza,order.customer.",
            detail="`name` of pizzas is a plain field; there is nothing to expand.",
            hint="Relations here: sizes.",
        ),
        answer(
            BadRequest, "query.fields", "`fields` cannot be used",
            meaning="`fields` is a list of names with commas between them. It selects from a "
            "related record only where that is expanded too.",
            way_out="Name the fields to be answered: fields=id,name.",
            detail="`fields` selects from `pizza`, which is not expanded.",
            hint="Add expand=pizza.",
        ),
        answer(
            BadRequest, "query.total", "`total` cannot be used",
            meaning="`total` is true or false, given once.",
            way_out="Write total=true, or leave it out.",
            detail="`total` is true or false.", hint="total=true",
        ),
        answer(
            BadRequest, "query.aggregate", "Nothing is asked for",
            meaning="An aggregate needs something to compute.",
            way_out="Add count=true, or fields to sum=, avg=, min= or max=; at most 32 at once.",
            detail="Say what to compute.", hint="count=true, sum=price",
        ),
        answer(
            BadRequest, "query.group", "`group` cannot be used",
            meaning="`group` is a list of fields with commas between them, each once. Lists and "
            "JSON form no groups.",
            way_out="Group by plain fields: group=category.",
            detail="`tags` is a list, which makes no groups.",
        ),
        answer(
            BadRequest, "query.count", "`count` cannot be used",
            meaning="`count` is true or false, given once.",
            way_out="Write count=true, or leave it out.",
            detail="`count` is true or false.", hint="count=true",
        ),
        answer(
            BadRequest, "query.sum", "`sum` cannot be used",
            meaning="`sum` is a list of number fields with commas between them, each once.",
            way_out="Add up ints, floats and decimals only: sum=price.",
            detail="`name` is text; only numbers have a sum.", hint="min=name and max=name work.",
        ),
        answer(
            BadRequest, "query.avg", "`avg` cannot be used",
            meaning="`avg` is a list of number fields with commas between them, each once.",
            way_out="Ask for the average of ints, floats and decimals only: avg=price.",
            detail="`name` is text; only numbers have an average.",
            hint="min=name and max=name work.",
        ),
        answer(
            BadRequest, "query.min", "`min` cannot be used",
            meaning="`min` is a list of fields with commas between them, each once. Lists and JSON "
            "have no order, so no least value.",
            way_out="Ask for the least of fields that sort: min=price,created.",
            detail="`tags` is a list, which has no order.",
        ),
        answer(
            BadRequest, "query.max", "`max` cannot be used",
            meaning="`max` is a list of fields with commas between them, each once. Lists and JSON "
            "have no order, so no greatest value.",
            way_out="Ask for the greatest of fields that sort: max=price,created.",
            detail="`tags` is a list, which has no order.",
        ),
        answer(
            BadRequest, "query.overflow", "A result is too large",
            meaning="A sum, or another result that the database computes, is outside the range of "
            "its wire form: ±(2^53 - 1) for an int, 64 bits for one that was declared big and for "
            "decimals, finite for floats.",
            way_out="Narrow the filter so that fewer records are added up, make more groups, or "
            "declare the field with big=True: then it, and its sum, is a string.",
            detail="A sum or another result is outside the range of its numbers.",
            hint="Narrow the filter so that fewer rows are added up, or declare the field big.",
        ),
        answer(
            BadRequest, "query.param", "A `$name` has no fitting value",
            meaning="An expression has a `$name` in it, and nothing gives it a value: only server "
            "code does, and it gave none or one of the wrong type.",
            way_out="In a URL, write the value itself. In Python, pass it as a keyword argument of "
            "this name.",
            detail="`$size` has no value.",
            hint="In a URL, write the value in its place; in Python, pass size=…",
        ),
    ),
)  # fmt: skip

FILTER = Family(
    "filter", "Filters",
    "`position` counts the characters of the filter up to the mistake.",
    (
        answer(
            BadRequest, "filter.syntax", "The filter cannot be read",
            meaning="The text breaks the grammar of the expression language at `position`.",
            way_out='Compare fields with values: price < 500 and category == "veggie".',
            detail="'=' is not an operator here. (character 10 of the filter)",
            hint="Write == to compare.", filter='category = "veggie"', position=10,
        ),
        answer(
            BadRequest, "filter.unknown_field", "No such field in the filter",
            meaning="The filter names a field that the record, or a record on the path, does not "
            "have, or that this caller may not read.",
            way_out="Correct the name; the hint shows the nearest one.",
            detail="'pizzas' has no field 'titel'. (character 1 of the filter)",
            hint="Did you mean 'title'?", filter='titel == "x"', position=1,
        ),
        answer(
            BadRequest, "filter.unknown_variable", "No such variable in the filter",
            meaning="A name at the start of a path is neither a field of the record nor one of "
            "record, auth and now; or a `$name` stands where only server code may use one.",
            way_out="Start paths with a field: order.customer, or record.order.customer.",
            detail="There is no variable 'recrd'. (character 1 of the filter)",
            hint="Did you mean 'record'?", filter="recrd.price < 5", position=1,
        ),
        answer(
            BadRequest, "filter.unknown_function", "No such function",
            meaning="The filter calls a function or macro that the language does not have.",
            way_out="Use has, size, contains, startsWith, endsWith, lowerAscii, timestamp, "
            "duration, exists, all or exists_one.",
            detail="There is no function 'lower'. (character 6 of the filter)",
            hint="Did you mean 'lowerAscii'?", filter='name.lower() == "x"', position=6,
        ),
        answer(
            BadRequest, "filter.type", "Two things that do not go together",
            meaning="An operator or function is used on a type that it does not take, such as a "
            "text beside a number.",
            way_out="Compare like with like; texts stand in quotation marks, numbers do not.",
            detail="An int and a text cannot be compared. (character 1 of the filter)",
            filter='price < "500"', position=1,
        ),
        answer(
            BadRequest, "filter.literal", "A value that the field cannot hold",
            meaning="A literal takes the type of the field beside it, and this one is no such "
            "value: a date that does not exist, too many places, a number out of range.",
            way_out="Write the value in the form that the field has in JSON.",
            detail='"2026-02-30" is no date. (character 8 of the filter)',
            filter='day == "2026-02-30"', position=8,
        ),
        answer(
            BadRequest, "filter.too_long", "The filter is too long",
            meaning="A filter, all its repeated parts together, has at most 4,096 characters.",
            way_out="Ask for less at once; a long list of ids goes into several requests.",
            detail="The filter has 5210 characters; 4096 is the limit.",
        ),
        answer(
            BadRequest, "filter.too_complex", "The filter is too complex",
            meaning="A filter has at most 200 names, values and operators, 32 levels of nesting, "
            "paths of 5 names and 3 macros inside each other.",
            way_out="Ask for less at once, or use `in` with a list instead of many `or`.",
            detail="An expression has at most 200 names, values and operators. (character 812 of "
            "the filter)",
            hint="Ask for less at once.", position=812,
        ),
    ),
)  # fmt: skip

REQUEST = Family(
    "request", "Paths, methods and requests as a whole", "Where a request is sent, and its size.",
    (
        answer(
            NotFound, "route.not_found", "Nothing is at this path",
            meaning="No collection and no route of the app has this path.",
            way_out="Look the path up in /docs; a `/` inside an id is written %2F.",
            detail="There is no collection 'pizza'.", hint="Did you mean 'pizzas'?",
        ),
        answer(
            MethodNotAllowed, "route.method", "The path has no such method",
            meaning="Something is at this path, but it does not take this method. `Allow` names "
            "those that it takes.",
            way_out="Use one of the methods in `Allow`.",
            detail="PUT is no method of /api/pizzas.", hint="Methods here: GET, HEAD, POST.",
        ),
        Entry(
            "route.status", "A route of the app said no", 402, "Payment required",
            "A route that the app wrote itself answered with an error; its status and its text are "
            "the app's own (402 stands for any status here).",
            "Read the detail; the app's own documentation says more.",
            True, "Payment required.",
        ),
        answer(
            Forbidden, "request.origin", "Pages of this site may not call",
            meaning="A browser asked, for a page of another site, whether that page may call this "
            "app. The site is not among those that the app lists.",
            way_out="If it is a site of yours, add its origin to STANCHION_CORS_ORIGINS.",
            detail="Pages of https://other.example may not call this app.",
            hint="Whoever runs the app: STANCHION_CORS_ORIGINS lists the sites that may.",
        ),
        answer(
            TooManyRequests, "limit.exceeded", "More than the limit allows",
            meaning="The app limits how often one caller may do this: who is signed in, or the "
            "network that the request comes from. Each record of an array and each step of a batch "
            "counts; nothing of this request was done.",
            way_out="Wait for the seconds of `Retry-After`. `RateLimit` tells with every answer "
            "how much is left (`r`) and when all of it is back (`t`).",
            detail="The limit orders.create allows 10 in 60 s; this would be more.",
            hint="Try again in 23 s.",
        ),
        answer(
            Unavailable, "limit.uncounted", "Nobody can count the tries",
            meaning="How often this was tried is counted where it cannot be at this moment, and "
            "what must not be tried without end is not done uncounted.",
            way_out="Try again after `Retry-After` seconds.",
            detail="Nobody can count at this moment how often this was tried, so it is not done.",
            hint="Try again after the seconds of `Retry-After`.",
        ),
        answer(
            TooLarge, "request.url", "The URL is too long",
            meaning="Path and query string have more bytes than this server accepts.",
            way_out="Ask for less at once. The limit is STANCHION_URL_LIMIT.",
            detail="The URL is longer than 16384 bytes.",
        ),
        answer(
            TooLarge, "request.headers", "The headers are too large",
            meaning="The headers of the request have more bytes than this server accepts; often it "
            "is a cookie that has grown.",
            way_out="Send fewer or shorter headers. The limit is STANCHION_HEADER_LIMIT.",
            detail="The headers are larger than 32768 bytes.",
        ),
        answer(
            BadRequest, "request.condition", "A condition that this call cannot honour",
            meaning="`If-Match` and `If-None-Match` name versions of one record. A `POST` makes "
            "records, or is a batch whose steps have conditions of their own; leaving the header "
            "out silently would look like protection.",
            way_out="Leave the header out. `PUT` with `If-None-Match: *` creates only, `PATCH`, "
            "`PUT` and `DELETE` take `If-Match`, a step of a batch `if_match`.",
            detail="`If-Match` has no meaning here: POST makes a record; there is no version to "
            "match.",
            hint="PUT /api/{collection}/{id} honours them.",
        ),
        answer(
            BadRequest, "request.host", "Not exactly one Host header",
            meaning="HTTP/1.1 asks for exactly one `Host` header, so that nobody on the way reads "
            "the request differently.",
            way_out="Send one `Host` header.",
            detail="A request names exactly one Host.",
        ),
    ),
)  # fmt: skip

ANSWERS: tuple[Family, ...] = (
    ACCESS, SIGN_IN, EXPLAIN, RECORD, BODY, QUERY, FILTER, REQUEST, SERVER,
)  # fmt: skip
