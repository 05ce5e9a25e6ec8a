"""What is asked, in what order, and what follows from the answers. Pure: no face, no file, no clock."""
