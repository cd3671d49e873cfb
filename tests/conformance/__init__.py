"""One suite for every engine: which tests run on each, what an engine lacks, and that answers are
the same bytes. `engines` says where the tests of an engine find their databases."""
