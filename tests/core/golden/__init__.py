"""Values stored from other software, with the code that draws the pictures they were computed on."""
