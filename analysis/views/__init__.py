"""Pages: one file for each kind of thing. Views read a request, call a query or a write, and render."""
