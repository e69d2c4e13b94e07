"""People and a project for the tests of pages."""
