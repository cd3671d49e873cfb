"""Declaring data: records, fields, relations, rules; and from them the schema."""

from .binding import Binding
from .bodies import Bodies, Create, NewRecord, Update, bind_bodies, body_error
from .fields import Field, Many, NotExpanded, Ref, back, through
from .jobs import Job, JobBook, JobDecorators, JobFunction, JobKind, JobList
from .limits import Limits, parse_limits
from .model import Declarations, Model, build_model
from .module import Module
from .providers import Provider
from .record import KeyHold, Record, UserRecord
from .rules import Rules, nobody, owner, public, role, rule, signed_in
from .sign_in import SignIn

__all__ = [
    "Binding", "Bodies", "Create", "Declarations", "Field", "Job", "JobBook", "JobDecorators",
    "JobFunction", "JobKind", "JobList", "KeyHold", "Limits", "Many", "Model", "Module",
    "NewRecord", "NotExpanded", "Provider", "Record", "Ref", "Rules", "SignIn", "Update",
    "UserRecord", "back", "bind_bodies", "body_error", "build_model", "nobody", "owner",
    "parse_limits", "public", "role", "rule", "signed_in", "through",
]  # fmt: skip
