"""Site and components to a Plan, and the facts that follow from the answers."""
