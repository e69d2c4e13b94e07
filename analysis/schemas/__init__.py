"""What the REST API takes and gives of what is computed; `--json` of the commands prints the same."""
