"""One OpenAPI 3.1 document: the generated data API beside the app's own routes.

`document` joins the two; `operations` are the generated routes, `records` the schemas of a
collection, `values` those of single fields, `problems` those of everything that goes wrong.
"""

from .document import openapi_document

__all__ = ["openapi_document"]
