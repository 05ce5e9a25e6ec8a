"""Git: the target repository, and the commit that a Tree becomes."""
