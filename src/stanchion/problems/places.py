"""The codes that point into a body: `code` of an item of `errors`."""

from __future__ import annotations

from ..errors import Conflict
from .entry import Entry, Family, place
from .sign_in import KEYS, PASSWORDS


def _check(code: str, title: str, detail: str, pointer: str = "/stock") -> Entry:
    """A limit that the database holds, met by a value that it computed itself."""
    return place(
        f"check.{code}", title, kind=Conflict, detail=detail, pointer=pointer,
        meaning="The value was computed by the database, from what is stored, and the result would "
        "break a limit of the field. Nothing was changed.",
        way_out="Change by less, or make the change conditional on what is stored.",
    )  # fmt: skip


PLACES = Family(
    "fields", "Places in a body",
    "These stand in the `errors` of an answer, each with a JSON pointer. In routes that an app "
    "wrote itself, codes of pydantic's stand there too.",
    (
        place(
            "missing", "A required field is missing",
            meaning="The field has no default, so a create must name it.",
            way_out="Add the field.",
            detail="`price` is required.",
        ),
        place(
            "null", "The field is not optional",
            meaning="The value is null, and the field must have one.",
            way_out="Send a value, or leave the field out to keep the default or the stored one.",
            detail="Must not be null.",
        ),
        place(
            "unknown_field", "No such field",
            meaning="The collection has no field of this name, as far as this caller may know.",
            way_out="Correct the name, or leave it out; unknown fields are never ignored. What "
            "`expand` nests is no field either: its records are made and changed in their own "
            "collection, and links in the collection that holds them.",
            detail="pizzas has no field `titel`. Did you mean 'title'?", pointer="/titel",
        ),
        place(
            "system_field", "The server sets this field",
            meaning="`created`, `updated`, `version` and their like are the server's business.",
            way_out="Leave the field out.",
            detail="`created` is set by the server.", pointer="/created",
        ),
        place(
            "frozen", "The field never changes",
            meaning="The field is set when the record is created, and never after. An `id` in a "
            "change must equal the one in the path.",
            way_out="Leave the field out; if it must differ, create a new record.",
            detail="`code` is set at create only.", pointer="/code",
        ),
        place(
            "not_writable", "This caller may not set the field",
            meaning="The field is kept for server code, or for other callers.",
            way_out="Leave the field out.",
            detail="`total` is set by the server; this caller may not.", pointer="/total",
        ),
        place(
            "object_type", "An object is wanted",
            meaning="The value, or the whole body, is a text, a number, null or an array.",
            way_out="Send an object with the fields by name.",
            detail="Must be a JSON object.", pointer=None,
        ),
        place(
            "string_type", "A text is wanted",
            meaning="The value is no JSON string.",
            way_out="Put the value in double quotes.",
            detail="Must be a string, not a number.", pointer="/name",
        ),
        place(
            "string_too_short", "The text is too short",
            meaning="The text has fewer characters than the field asks for.",
            way_out="Send a longer text.",
            detail="Must have 3 or more characters.", pointer="/name",
        ),
        place(
            "string_too_long", "The text is too long",
            meaning="It has more characters than the field takes, or more bytes than an index.",
            way_out="Send a shorter text.",
            detail="Must have 120 or fewer characters.", pointer="/name",
        ),
        place(
            "string_pattern_mismatch", "The text does not match",
            meaning="The text does not have the form that the field asks for.",
            way_out="Send a text that matches the regular expression of the detail.",
            detail="Must match the pattern ^[A-Z]{2}[0-9]{4}$.", pointer="/code",
        ),
        place(
            "string_nul", "The text holds NUL",
            meaning="The character U+0000 cannot be stored.",
            way_out="Remove it.",
            detail="Must not contain the NUL character.", pointer="/name",
        ),
        place(
            "string_unicode", "The text is no Unicode",
            meaning="The text holds half of a surrogate pair.",
            way_out="Send both halves, or the character itself.",
            detail="Must be valid Unicode, without lone surrogates.", pointer="/name",
        ),
        place(
            "literal_error", "None of the choices",
            meaning="The field takes one of a few fixed texts.",
            way_out="Send one of the texts that the detail lists.",
            detail='Must be one of "classic", "veggie".', pointer="/category",
        ),
        place(
            "int_type", "A whole number is wanted",
            meaning='The value is no JSON integer; "5", 5.0 and 1e3 are none.',
            way_out="Send a number without quotation marks, without a point and without an "
            "exponent.",
            detail="Must be a whole number, not a string.",
        ),
        place(
            "int_out_of_range", "The number is out of range",
            meaning="Whole numbers lie within ±(2^53 - 1), those that were declared big within 64 "
            "bits.",
            way_out="Send a smaller number.",
            detail="Must be between -9007199254740991 and 9007199254740991.",
        ),
        place(
            "big_int_type", "Digits in a string are wanted",
            meaning="The field holds 64 bits, more than a JavaScript number, so its values travel "
            "as strings, each in one form only: no plus, no leading zeros, no separators.",
            way_out='Send the digits in double quotes: "42".',
            detail='Must be a string of digits, such as "42", not a number.', pointer="/views",
        ),
        place(
            "float_type", "A number is wanted",
            meaning="The value is no JSON number.",
            way_out="Send a number without quotation marks.",
            detail="Must be a number, not a string.", pointer="/weight",
        ),
        place(
            "finite_number", "A finite number is wanted",
            meaning="The value is infinite, no number at all, or too large to be held.",
            way_out="Send a finite number.",
            detail="Must be a finite number.", pointer="/weight",
        ),
        place(
            "greater_than_equal", "The value is too small",
            meaning="The value lies below the least one that the field takes.",
            way_out="Send a value within the limits.",
            detail="Must be 0 or more.",
        ),
        place(
            "greater_than", "The value is too small",
            meaning="The value must lie above a bound that is itself excluded.",
            way_out="Send a value within the limits.",
            detail="Must be more than 0.",
        ),
        place(
            "less_than_equal", "The value is too large",
            meaning="The value lies above the largest one that the field takes.",
            way_out="Send a value within the limits.",
            detail="Must be 50 or less.", pointer="/quantity",
        ),
        place(
            "less_than", "The value is too large",
            meaning="The value must lie below a bound that is itself excluded.",
            way_out="Send a value within the limits.",
            detail="Must be less than 100.", pointer="/quantity",
        ),
        place(
            "decimal_type", "A decimal in a string is wanted",
            meaning="Decimals are exact, and JSON numbers are not; so they travel as strings.",
            way_out='Send the decimal in double quotes: "9.50".',
            detail='Must be a decimal in a string, such as "9.50", not a number.',
        ),
        place(
            "decimal_parsing", "The text is no decimal",
            meaning="The string does not hold a plain decimal: digits, and perhaps a sign and a "
            "point.",
            way_out='Send digits such as "9.50", without exponent, spaces or separators.',
            detail='Must be digits, perhaps with a point and a minus, such as "9.50".',
        ),
        place(
            "decimal_max_places", "Too many places",
            meaning="The decimal has more digits after the point than the field keeps; nothing is "
            "rounded silently.",
            way_out="Round the value before it is sent.",
            detail="Must have 2 or fewer digits after the point.",
        ),
        place(
            "decimal_max_digits", "Too many digits",
            meaning="The decimal is larger than the field can hold.",
            way_out="Send a smaller value.",
            detail="Must have 12 or fewer digits.",
        ),
        place(
            "bool_type", "True or false is wanted",
            meaning='The value is no JSON boolean; "true", 1 and 0 are none.',
            way_out="Send true or false without quotation marks.",
            detail="Must be true or false, not a string.", pointer="/available",
        ),
        place(
            "date_type", "A date is wanted",
            meaning="The value is no string.",
            way_out='Send a date such as "2026-01-31".',
            detail='Must be a date such as "2026-01-31", not a number.', pointer="/day",
        ),
        place(
            "date_parsing", "The text is no date",
            meaning="The string is no day of the calendar in the form year-month-day.",
            way_out='Send an existing day such as "2026-01-31".',
            detail='Must be a date as year-month-day, such as "2026-01-31".', pointer="/day",
        ),
        place(
            "datetime_type", "A time is wanted",
            meaning="The value is no string.",
            way_out='Send a time such as "2026-01-31T12:00:00Z".',
            detail='Must be a time such as "2026-01-31T12:00:00Z", not a number.',
            pointer="/starts",
        ),
        place(
            "datetime_parsing", "The text is no time",
            meaning="The string is no existing time of RFC 3339 within the years 1 to 9999.",
            way_out='Send a time such as "2026-01-31T12:00:00Z".',
            detail="Must be a day and a time of day with an offset, such as "
            '"2026-01-31T12:00:00Z".',
            pointer="/starts",
        ),
        place(
            "datetime_no_offset", "The time has no offset",
            meaning="Without an offset nobody knows which moment is meant.",
            way_out="Add Z for UTC, or an offset such as +02:00.",
            detail='Must say its offset, as in "2026-01-31T12:00:00Z" or +02:00.',
            pointer="/starts",
        ),
        place(
            "uuid_type", "A UUID is wanted",
            meaning="The value is no string.",
            way_out="Send the id as it was answered.",
            detail="Must be a UUID in a string, not a number.", pointer="/pizza",
        ),
        place(
            "uuid_parsing", "The text is no UUID",
            meaning="The string does not hold 32 hexadecimal digits in the usual groups.",
            way_out="Send the id as it was answered.",
            detail='Must be a UUID such as "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f".',
            pointer="/pizza",
        ),
        place(
            "list_type", "An array is wanted",
            meaning="The value is no JSON array.",
            way_out="Put the values in square brackets.",
            detail="Must be an array, not a string.", pointer="/tags",
        ),
        place(
            "too_short", "The array has too few items",
            meaning="The array has fewer items than the field asks for.",
            way_out="Send more items.",
            detail="Must have 1 or more items.", pointer="/tags",
        ),
        place(
            "too_long", "The array has too many items",
            meaning="The array has more items than the field takes.",
            way_out="Send fewer items.",
            detail="Must have 10 or fewer items.", pointer="/tags",
        ),
        place(
            "json_type", "No JSON value",
            meaning="Server code put something into a JSON field that JSON cannot hold.",
            way_out="Use None, texts, numbers, lists and dicts with texts as keys.",
            detail="Must be JSON: null, text, numbers, lists and dicts.", pointer="/settings",
        ),
        place(
            "unique", "The value is taken",
            meaning="Another record already has this value, or this combination of values, and no "
            "two may share it. There is no pointer where the caller may not read the field.",
            way_out="Choose another value, or change the record that has it.",
            detail="Another record already has this `code`.", pointer="/code", kind=Conflict,
        ),
        place(
            "reference.not_found", "The reference leads nowhere",
            meaning="The other collection holds no record with this id, or none that this caller "
            "may read.",
            way_out="Send the id of a record that is there.",
            detail="pizzas holds no such record.", pointer="/pizza", kind=Conflict,
        ),
        place(
            "constraint", "The database refuses the combination",
            meaning="A rule that the database holds would be broken, and it cannot be traced to "
            "one field.",
            way_out="Compare the values with each other and with what is stored.",
            detail="The database refuses this combination of values.", pointer=None, kind=Conflict,
        ),
        place(
            "update.overflow", "The new value cannot be computed", kind=Conflict,
            meaning="Server code asked the database for a value that is computed from the record, "
            "and it is outside the range of numbers, or a part of it is null. Nothing was changed.",
            way_out="Change by less, or make the change conditional on what is stored.",
            detail="The new value cannot be computed: it overflows, or a part of it is null.",
            pointer="/stock",
        ),
        place(
            "batch.path", "The path of a step cannot be used",
            meaning="A step of a batch names a collection or a record by its path, as a request "
            "does, without a query string.",
            way_out="Write `/api/pizzas` or `/api/pizzas/{id}`.",
            detail="A step takes no query string.", pointer="/steps/2/path",
        ),
        place(
            "batch.member", "The member does not fit the method of the step",
            meaning="A DELETE takes no body, and a POST no `if_match`.",
            way_out="Leave the member out.",
            detail="DELETE takes no body.", pointer="/steps/2/body",
        ),
        _check("range", "The result is out of range", "`stock` would break its limit (range)."),
        _check(
            "max_digits", "The result has too many digits",
            "`price` would break its limit (max_digits).",
        ),
        _check("ge", "The result would be too small", "`stock` would break its limit (ge)."),
        _check("gt", "The result would be too small", "`stock` would break its limit (gt)."),
        _check("le", "The result would be too large", "`stock` would break its limit (le)."),
        _check("lt", "The result would be too large", "`stock` would break its limit (lt)."),
        _check(
            "min_length", "The result would be too short",
            "`name` would break its limit (min_length).", "/name",
        ),
        _check(
            "max_length", "The result would be too long",
            "`name` would break its limit (max_length).", "/name",
        ),
        _check(
            "literal", "The result would be none of the choices",
            "`state` would break its limit (literal).", "/state",
        ),
        _check(
            "bool", "The result would be no truth value",
            "`open` would break its limit (bool).", "/open",
        ),
        *KEYS,
        *PASSWORDS,
    ),
)  # fmt: skip
